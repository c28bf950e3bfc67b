"""Declaring a verb: a service of a plugin that people and programs may call by its name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import attrs

from crmkit.core.errors import DeclarationError
from crmkit.core.jobs.job import NoArguments
from crmkit.core.text import Text, gettext as _

__all__ = ["Verb"]

_ID = re.compile(r"[a-z][a-z0-9_]{0,30}\.[a-z][a-z0-9_]{0,60}\Z")


def _check_id(_verb: Any, _attribute: Any, id: str) -> None:
    if not _ID.match(id):
        raise DeclarationError(str(id), _("a verb's id is <plugin>.<verb> in lower case, such as 'sales.win'"))


@attrs.frozen
class Verb:
    """Has *function* called with a writer, or with a reader unless it *writes*, and the attributes of *arguments*.

    *arguments* is an attrs class, whose annotations say what is accepted: texts, numbers, truths, dates, moments with
    their zone, ``Decimal``, ``Money``, ``Target``, choices as ``Literal``, lists, further attrs classes, and entities,
    of which the caller gives an id or a human number and the function gets the record. Of a merged one it gets the one
    that it went into; where the verb *writes*, it is refused as one that is not there. ``None`` may be given where the
    annotation says so. What the function returns is told as JSON: records as far as the caller may read them, attrs
    classes and dataclasses as objects. *answer* is its type, for those who describe what is answered.

    The verb exists for whom the *entity* exists that it is about. What it may do there, its reader or writer says.
    """

    id: str = attrs.field(validator=_check_id)
    label: Text
    function: Callable[..., Any]
    entity: str
    arguments: type[Any] = NoArguments
    answer: Any = None
    writes: bool = True
