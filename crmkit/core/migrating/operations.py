"""One change of one table, in words, and what it costs those who work in the meantime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs

from crmkit.core.text import Text, translate

__all__ = ["Operation", "Touch", "Waits", "Work"]

Work = Literal["none", "read", "rewrite"]
Waits = Literal["nobody", "writers", "everybody"]
_WORK: Mapping[Work, int] = {"none": 0, "read": 1, "rewrite": 2}
_WAITS: Mapping[Waits, int] = {"nobody": 0, "writers": 1, "everybody": 2}


@attrs.frozen
class Touch:
    """What is done to the rows of a table that exists already, and who waits until the step is done.

    *work* is ``none`` (however many rows there are, it takes a moment), ``read`` (every row is read) or ``rewrite``.
    """

    table: str
    work: Work
    waits: Waits

    def with_(self, other: Touch) -> Touch:
        """Return what both together do."""
        work = max(self.work, other.work, key=_WORK.__getitem__)
        return Touch(self.table, work, max(self.waits, other.waits, key=_WAITS.__getitem__))


@attrs.frozen
class Operation:
    """One operation of a step. ``str()`` of it is a sentence in the current language.

    *renames* are the fields that it renames: the entity, the old name and the new one of each.
    """

    template: Text
    facts: Mapping[str, object] = attrs.field(factory=dict)
    touches: tuple[Touch, ...] = ()
    renames: tuple[tuple[str, str, str], ...] = ()

    def __str__(self) -> str:
        return translate(self.template).format(**self.facts)
