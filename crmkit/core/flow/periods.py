"""The times and shares that reports are asked for, checked before anything is counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from crmkit.core.errors import CrmkitError
from crmkit.core.text import Text, gettext as _

__all__ = ["ReportError", "check_choice", "check_moment", "check_percents", "check_starts"]


class ReportError(CrmkitError):
    """A report was asked for with a time, a percentage or a choice that is none."""

    code = "report"
    template = _("This report cannot be made: {reason}")

    def __init__(self, reason: Text, **facts: object) -> None:
        """Give the *reason*, and the *facts* that it names."""
        super().__init__(reason=reason, **facts)


def check_moment(moment: Any) -> None:
    """Return if *moment* is a moment with its zone, or none is given.

    Raises:
        ReportError: it is not.
    """
    if moment is not None and (not isinstance(moment, datetime) or moment.tzinfo is None):
        raise ReportError(_("{value!r} is no moment with its zone."), value=moment)


def check_starts(starts: Sequence[datetime]) -> None:
    """Return if *starts* are moments in ascending order, one at least.

    Raises:
        ReportError: they are not.
    """
    for start in starts:
        check_moment(start)
    if not starts or any(first >= second for first, second in pairwise(starts)):
        raise ReportError(_("the moments at which cohorts begin must be in ascending order, one at least."))


def check_percents(percents: Sequence[int]) -> None:
    """Return if *percents* are whole numbers from 1 to 100, each once.

    Raises:
        ReportError: they are not.
    """
    for percent in percents:
        if type(percent) is not int or not 1 <= percent <= 100:
            raise ReportError(_("{value!r} is no whole percentage from 1 to 100."), value=percent)
    if len(set(percents)) != len(percents):
        raise ReportError(_("a percentage is asked for twice."))


def check_choice(value: str | None, choices: Sequence[str]) -> None:
    """Return if *value* is one of *choices*, or none is given.

    Raises:
        ReportError: it is not.
    """
    if value is not None and value not in choices:
        raise ReportError(_("{value!r} is none of {choices}."), value=value, choices=", ".join(choices))
