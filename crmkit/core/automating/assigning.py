"""To whom a record goes: by name, in turn, to the least busy, or by rules; no two transactions count at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from crmkit.core.automating.parts import ByRule, LeastBusy, Pool, RoundRobin, To, Way
from crmkit.core.entity import EntityInfo, Record, entity_info
from crmkit.core.errors import CrmkitError
from crmkit.core.policy.people import Membership, User
from crmkit.core.rules.rule import Rule
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["Holder", "NobodyToAssignError", "choose"]


class NobodyToAssignError(CrmkitError):
    """An automation was to assign a record, and of those to whom it may go nobody is active."""

    code = "nobody-to-assign"
    template = _("{automation}: there is nobody to assign to; everybody is inactive or left out by the rule.")

    def __init__(self, automation: str) -> None:
        """Name the *automation*."""
        super().__init__(automation=automation)


@attrs.frozen
class Holder:
    """The user and the team that get a record."""

    user: UUID | None
    team: UUID | None = None


def choose(db: Writer, automation: str, place: int, way: Way, record: Record) -> Holder | None:
    """Return who gets *record* by *way*, the action at *place* of *automation*; ``None`` if no rule holds.

    A turn that is taken counts with this transaction: it comes about with it or not at all.

    Raises:
        NobodyToAssignError: nobody of the pool can get it.
    """
    match way:
        case To():
            return Holder(way.user, way.team)
        case ByRule():
            info = entity_info(type(record))
            held = (case for case in way.choices if db.matches_stored(info, Rule.parse(case.when), record.id))
            found = next(held, None)
            return None if found is None else Holder(found.user, found.team)
        case RoundRobin() | LeastBusy():
            turn = _Turn(db, f"{automation}/{place}")
            rotation = turn.rotation(_members(db, way))
            if not rotation:
                raise NobodyToAssignError(automation)
            counts = _busy(db, way, record, rotation) if isinstance(way, LeastBusy) else {}
            user = min(rotation, key=lambda each: counts.get(each, 0))
            turn.take(user)
            return Holder(user, way.team)


def _members(db: Writer, pool: Pool) -> list[UUID]:
    """Return the users of *pool* who are active and for whom its rule holds: a team's by id, others as they stand."""
    ids: Sequence[UUID] = pool.users
    if pool.team is not None:
        home = db.trusted.find(User, User.f.team_id == pool.team)
        further = db.trusted.find(Membership, Membership.f.team_id == pool.team)
        ids = sorted({*(user.id for user in home), *(member.user_id for member in further)})
    wanted = Rule.parse("is_active")
    if pool.where is not None:
        wanted &= Rule.parse(pool.where)
    active = db.matching_ids(db.model.registry.entity(User), wanted, list(ids))
    return [id_ for id_ in ids if id_ in active]


def _busy(db: Writer, way: LeastBusy, record: Record, users: Sequence[UUID]) -> Mapping[UUID, int]:
    """Return how many open records of the entity each of *users* has, without *record* itself."""
    from crmkit.core.reading.measures import count

    info = entity_info(type(record))
    f: Any = info.cls.f
    wanted = f.owner_id.in_(list(users)) & (f.id != record.id)
    is_open = Rule.parse(way.open) if way.open is not None else _open(info)
    rows = db.trusted.aggregate(
        info.cls,
        group_by="owner_id",
        measures={"records": count()},
        where=wanted if is_open is None else wanted & is_open,
    )
    return {row["owner_id"]: row["records"] for row in rows}


def _open(info: EntityInfo) -> Rule | None:
    return Rule.parse('stage_kind == "open"') if info.pipelined else None


class _Turn:
    """The row of one assigning action, held until the transaction ends."""

    def __init__(self, db: Writer, key: str) -> None:
        self._connection, self._table, self._key = db.connection, db.model.schema.system.turn, key
        make = sqlite.insert if db.model.storage.is_sqlite else postgresql.insert
        first = make(self._table).values(key=key, last_id=None, turns=0)
        self._connection.execute(first.on_conflict_do_nothing(index_elements=[self._table.c.key]))
        mine = sa.select(self._table.c.last_id).where(self._table.c.key == key)
        self._last = self._connection.execute(mine.with_for_update()).scalar_one()

    def rotation(self, members: Sequence[UUID]) -> list[UUID]:
        """Return *members* from the one on whose turn it is; who was last may have gone meanwhile."""
        if self._last in members:
            after = members.index(self._last) + 1
            return [*members[after:], *members[:after]]
        later = [id_ for id_ in members if self._last is not None and id_ > self._last]
        return [*later, *(id_ for id_ in members if id_ not in later)]

    def take(self, user: UUID) -> None:
        """Note that it was *user*'s turn."""
        mine = sa.update(self._table).where(self._table.c.key == self._key)
        self._connection.execute(mine.values(last_id=user, turns=self._table.c.turns + 1))
