"""What ``crmkit doctor`` says of code that asked for a way past the wall."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import attrs

from crmkit.cli.finding import Finding
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["examine_doors"]

_RECENT = timedelta(days=7)


def examine_doors(crm: CRM) -> Iterator[Finding]:
    """Yield what was tried in the last days."""
    from crmkit.core.doors_tried import attempts

    with crm.storage.reading() as connection:
        found = attempts(connection, crm.schema)
    for each in found:
        if crm.clock.now() - each.last < _RECENT:
            message = _("{module} asked for {door}, which leads past the wall, and was refused: {number} times")
            todo = _("Ask who wrote it why, or do without it: crmkit plugin remove.")
            yield Finding("plugins", "warn", message, attrs.asdict(each), todo)
