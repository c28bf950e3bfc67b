"""Who acts: a user, or the system with a stated reason."""

from __future__ import annotations

from uuid import UUID

import attrs

__all__ = ["Principal"]


@attrs.frozen
class Principal:
    """An identity, immutable for life. What it may do is resolved anew whenever policy changes.

    The system has no user; *reason* says why it acts and is kept in the ledger.
    """

    user_id: UUID | None
    name: str
    reason: str | None = None

    @property
    def is_system(self) -> bool:
        """Whether this is the explicit way around the wall."""
        return self.user_id is None
