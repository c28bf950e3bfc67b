"""Bounds that all work after the commit has in common."""

from __future__ import annotations

import re
from typing import Any

from crmkit.core.errors import DeclarationError
from crmkit.core.text import gettext as _

__all__ = ["AUTOMATIONS", "DEEPEST", "TRIES", "check_tries", "check_work_id"]

#: How often work is tried before it is parked.
TRIES = 8
#: How many writes, events and jobs may have caused each other.
DEEPEST = 8
#: What stands in the place of a plugin's name where the work of automations is kept.
AUTOMATIONS = "automation"
_WORK_ID = re.compile(rf"({AUTOMATIONS}:)?[a-z][a-z0-9_]{{0,30}}\.[a-z][a-z0-9_]{{0,60}}\Z")


def check_work_id(_instance: Any, _attribute: Any, id_: str) -> None:
    """Refuse an id that is not ``<plugin>.<name>``.

    Raises:
        DeclarationError: it is not.
    """
    if not _WORK_ID.match(id_):
        raise DeclarationError(id_, _("the id of a subscriber, job or schedule is <plugin>.<name> in lower case"))


def check_tries(instance: Any, _attribute: Any, tries: int) -> None:
    """Refuse a number of tries below one.

    Raises:
        DeclarationError: it is.
    """
    if tries < 1:
        raise DeclarationError(instance.id, _("work is tried at least once"))
