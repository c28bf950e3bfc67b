"""Who acts: a user, or the system with a stated reason."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import attrs

from crmkit.core.errors import CrmkitError
from crmkit.core.policy.scopes import Scopes
from crmkit.core.text import gettext as _

__all__ = ["Principal", "ReasonError", "stated"]

_LONGEST = 190


def _scopes(given: Iterable[str] | None) -> Scopes | None:
    return None if given is None else frozenset(given)


@attrs.frozen
class Principal:
    """An identity, immutable for life. What it may do is resolved anew whenever policy changes.

    The system has no user; *reason* says why it acts and is kept in the ledger. *scopes* limit a user to a part of
    their rights, see :mod:`crmkit.core.policy.scopes`: none of them leaves nothing, ``None`` leaves all.
    """

    user_id: UUID | None
    name: str
    reason: str | None = None
    scopes: Scopes | None = attrs.field(default=None, converter=_scopes)

    @property
    def is_system(self) -> bool:
        """Whether this is the explicit way around the wall."""
        return self.user_id is None


class ReasonError(CrmkitError):
    """The system was to act for no reason, or for one that the ledger cannot keep."""

    code = "reason"
    template = _("The system acts for a reason that the ledger can keep: 1 to {longest} characters.")

    def __init__(self) -> None:
        """Tell how long it may be."""
        super().__init__(longest=_LONGEST)


def stated(reason: Any) -> str:
    """Return *reason*.

    Raises:
        ReasonError: it is empty, or too long.
    """
    if not isinstance(reason, str) or not reason.strip() or len(reason) > _LONGEST:
        raise ReasonError
    return reason
