"""What a person may do, looked up once and again when the epoch says that policy has changed, as crmkit does."""

from __future__ import annotations

from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from benchmarks.handwritten.reading import Hand
from benchmarks.world.people import Member

__all__ = ["NotAllowedError", "Rights", "RightsOf"]

_VERBS = {
    "core.administrator": {"read", "create", "update", "move"},
    "trade.sales": {"read", "create", "update", "move"},
    "trade.manager": {"read", "create", "update", "move"},
}
_EPOCH = sa.text("SELECT value FROM core_epoch")
_USER = sa.text("SELECT name, team_id, is_active FROM core_user WHERE id = :me AND deleted_at IS NULL")
_ROLES = sa.text("SELECT role FROM core_assignment WHERE user_id = :me AND deleted_at IS NULL")
_TEAMS = sa.text(
    "WITH RECURSIVE below(id) AS ("
    "SELECT id FROM core_team WHERE id = :team UNION "
    "SELECT t.id FROM core_team t JOIN below ON t.parent_id = below.id WHERE t.deleted_at IS NULL"
    ") SELECT id FROM below"
)


class NotAllowedError(Exception):
    """No right allows it, or the record does not exist for the person."""


@attrs.frozen
class Rights:
    """What one person may do with deals: *verbs*, on own deals and those of *teams*, or on all.

    Ids are as the driver takes them; *home* is that of the person's own team.
    """

    me: Any
    home: Any
    verbs: frozenset[str]
    teams: frozenset[Any]
    everywhere: bool

    def allow(self, verb: str, owner: Any, team: Any) -> bool:
        """Return whether *verb* is allowed on a deal of *owner* and *team*."""
        return verb in self.verbs and (self.everywhere or owner == self.me or team in self.teams)


class RightsOf:
    """The rights of *member*."""

    def __init__(self, hand: Hand, member: Member) -> None:
        """Read nothing yet."""
        self._me, self._epoch = hand.id(member.id), -1
        self._rights = Rights(None, None, frozenset(), frozenset(), everywhere=False)

    def now(self, connection: Connection) -> Rights:
        """Return the rights as they stand."""
        epoch = connection.execute(_EPOCH).scalar()
        if epoch != self._epoch:
            self._rights, self._epoch = self._read(connection), int(epoch or 0)
        return self._rights

    def _read(self, connection: Connection) -> Rights:
        user = connection.execute(_USER, {"me": self._me}).one()
        if not user.is_active:
            raise NotAllowedError(user.name)
        roles = list(connection.execute(_ROLES, {"me": self._me}).scalars())
        teams = connection.execute(_TEAMS, {"team": user.team_id}).scalars()
        verbs = frozenset(verb for role in roles for verb in _VERBS.get(role, ()))
        return Rights(self._me, user.team_id, verbs, frozenset(teams), "core.administrator" in roles)
