"""How many records a list may be asked for."""

from __future__ import annotations

from typing import Any

from crmkit.core.errors import CrmkitError
from crmkit.core.text import gettext as _

__all__ = ["LimitError", "check_limit"]

_MOST = 2**31 - 1


class LimitError(CrmkitError):
    """A list was limited to what is no number of records."""

    code = "limit"
    template = _("A list has a whole number of records, from 1 to {most}; got {limit!r}.")

    def __init__(self, limit: object) -> None:
        """Name the *limit*."""
        super().__init__(limit=limit, most=_MOST)


def check_limit(limit: Any) -> None:
    """Return if a list may have so many records.

    Raises:
        LimitError: it is no whole number above zero, or too large a one.
    """
    if type(limit) is not int or not 0 < limit <= _MOST:
        raise LimitError(limit)
