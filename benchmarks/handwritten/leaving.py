"""Somebody leaves, by hand: one UPDATE of all deals, and a row of the ledger for each."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa

from benchmarks.handwritten.ledger import Ledger
from benchmarks.handwritten.reading import Hand
from benchmarks.world.people import Member

__all__ = ["Office"]

_DEALS = sa.text("SELECT id, team_id FROM trade_deal WHERE owner_id = :leaver AND deleted_at IS NULL")
_GIVE = sa.text(
    "UPDATE trade_deal SET owner_id = :successor, team_id = :team, version = version + 1, updated_at = :now"
    " WHERE owner_id = :leaver AND deleted_at IS NULL"
)
_STOP = sa.text(
    "UPDATE core_user SET is_active = (id = :successor), version = version + 1, updated_at = :now"
    " WHERE id IN (:leaver, :successor)"
)


class Office:
    """Where *member* offboards others."""

    def __init__(self, hand: Hand, member: Member) -> None:
        """Write the statements."""
        self._hand, self._storage, self._cause = hand, hand.world.crm.storage, member.name
        self._ledger = Ledger(hand, member.id)

    def offboard(self, leaver: UUID, successor: UUID, team: UUID) -> int:
        """Give the deals of *leaver* to *successor*, who is active from now on, and return how many there were."""
        hand, now = self._hand, datetime.now(UTC)
        who = {"leaver": hand.id(leaver), "successor": hand.id(successor)}
        with self._storage.writing() as connection:
            rows = connection.execute(_DEALS, {"leaver": who["leaver"]}).all()
            connection.execute(_GIVE, {**who, "team": hand.id(team), "now": hand.moment(now)})
            connection.execute(_STOP, {**who, "now": hand.moment(now)})
            owner = (leaver, successor)
            changes = [
                ("transfer", hand.uuid(row.id), {"owner_id": owner, "team_id": (hand.uuid(row.team_id), team)})
                for row in rows
            ]
            self._ledger.append(connection, changes, now, self._cause)
        return len(rows)
