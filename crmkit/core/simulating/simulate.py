"""Who would gain or lose what by a change of policy, found out by making it and taking it back.

The change is made through the asker's own writer, so that nobody simulates what they may not do, and the wall's own
predicate is asked before and after it in one transaction, which is rolled back: a simulation cannot disagree with what
happens. Like an explanation of what others may do it is for those who may read all roles and assignments, and it counts
no record and names no field that the asker does not see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.entity import EntityInfo
from crmkit.core.errors import ForbiddenError, NotFoundError
from crmkit.core.explaining.explain import Asker, UnknownVerbError
from crmkit.core.model import Model
from crmkit.core.policy.access import Access
from crmkit.core.policy.access_cache import AccessCache, InactiveUserError
from crmkit.core.policy.people import User
from crmkit.core.policy.principal import Principal
from crmkit.core.policy.roles import VERBS, Restriction
from crmkit.core.registry import Registry
from crmkit.core.simulating.simulation import FieldShift, RecordShift, ScopeShift, Simulation
from crmkit.core.simulating.snapshots import Snapshots
from crmkit.core.simulating.standing import Standing, differs, field_shift, scope_shifts
from crmkit.core.storage.held import Held
from crmkit.core.writing.writer import Writer

__all__ = ["Changes", "Trial"]

Changes = Callable[[Writer], Any]
# Rows of these decide through accesses alone; those of others may be looked at by a rule.
_POLICY = frozenset({"core.role", "core.grant", "core.mask", "core.assignment", "core.membership", "core.local_edit"})


@attrs.frozen(eq=False)
class Trial:
    """One change, tried in the transaction of *connection*; whoever opened that must roll it back.

    *access* is the asker's.
    """

    model: Model
    connection: Connection
    access: Access
    changes: Changes
    restrictions: Sequence[Restriction] = ()

    def run(self, people: Sequence[UUID] | None, verbs: Sequence[str], examples: int) -> Simulation:
        """Return what :meth:`crmkit.CRM.simulate` promises."""
        access, reader = self.access, self._writer()
        for verb in set(verbs) - set(VERBS):
            raise UnknownVerbError(verb)
        if not access.is_system and not Asker(self.model, self.connection, reader).knows_policy:
            raise ForbiddenError("core.assignment", "read", access.name)
        names = _names(reader, people)
        before = self._standing(names, self.model.registry)
        affected = self._affected(names, before)
        snapshots = Snapshots(self.model, self.connection, examples)
        entities = tuple(self.model.registry.entities.values())
        for info in entities if affected else ():
            snapshots.keep_asker(access, info)
        for place, user, info, verb in _cells(affected, entities, verbs):
            if (theirs := before[user]) is not None:
                snapshots.keep(place, theirs, info, verb)
        self._make()
        after = self._standing(names, self._registry())
        return Simulation(
            {user: names[user] for user in affected},
            tuple(self._records(snapshots, _cells(affected, entities, verbs), before, after)),
            tuple(_fields(affected, entities, before, after, access)),
            tuple(_scopes(affected, entities, before, after)),
        )

    def _affected(self, names: Mapping[UUID, str], before: Standing) -> list[UUID]:
        """Return whom the change may concern; this makes it once and takes it back."""
        savepoint = self.connection.begin_nested()
        rows_matter = self._touches_rows(self._make())
        after = self._standing(names, self._registry())
        savepoint.rollback()
        if rows_matter:
            return list(names)
        return [user for user in names if differs(before[user], after[user])]

    def _make(self) -> int:
        """Make the change and return the last row of the ledger before it."""
        last = self.connection.scalar(sa.select(self.model.schema.system.ledger_head.c.last_id)) or 0
        writer = self._writer()
        self.changes(writer)
        writer.flush()
        return last

    def _touches_rows(self, since: int) -> bool:
        """Return whether the ledger has writes, behind the row *since*, of records that a rule may look at."""
        ledger = self.model.schema.system.ledger
        rows = sa.or_(ledger.c.entity.not_in(_POLICY), ledger.c.kind == "delete")
        return self.connection.scalar(sa.select(ledger.c.id).where(ledger.c.id > since, rows).limit(1)) is not None

    def _writer(self) -> Writer:
        return Writer(self.model, Held(self.connection, writes=True), self.access, "simulate", None)

    def _registry(self) -> Registry:
        """Return the registry with the restrictions that are tried."""
        if not self.restrictions:
            return self.model.registry
        more = {restriction.id: restriction for restriction in self.restrictions}
        registry = self.model.registry
        return attrs.evolve(registry, restrictions=MappingProxyType({**registry.restrictions, **more}))

    def _standing(self, people: Mapping[UUID, str], registry: Registry) -> Standing:
        # The CRM's own cache must never hold what is not committed.
        cache = self.model.fresh_accesses(registry)
        return {user: _resolved(cache, self.connection, Principal(user, name)) for user, name in people.items()}

    def _records(
        self,
        snapshots: Snapshots,
        cells: Iterator[tuple[int, UUID, EntityInfo, str]],
        before: Standing,
        after: Standing,
    ) -> Iterator[RecordShift]:
        for place, user, info, verb in cells:
            now = after[user]
            gained, gains = (0, ()) if now is None else snapshots.gained(place, now, info, verb)
            lost, losses = (0, ()) if before[user] is None else snapshots.lost(place, now, info, verb)
            if gained or lost:
                yield RecordShift(user, info.id, verb, gained, lost, gains, losses)


def _names(reader: Writer, people: Sequence[UUID] | None) -> dict[UUID, str]:
    """Return the people who are looked at, as far as the asker sees them."""
    if people is None:
        found = {user.id: user for user in reader.find(User, order_by="id")}
    else:
        found = reader.get_many(User, people)
        for missing in set(people) - found.keys():
            raise NotFoundError("core.user", missing)
    return {id_: getattr(user, "name", str(id_)) for id_, user in found.items()}


def _resolved(cache: AccessCache, connection: Connection, principal: Principal) -> Access | None:
    try:
        return cache.resolve(connection, principal)
    except InactiveUserError:
        return None


def _cells(
    people: Sequence[UUID], entities: Sequence[EntityInfo], verbs: Sequence[str]
) -> Iterator[tuple[int, UUID, EntityInfo, str]]:
    for place, user in enumerate(people):
        for info in entities:
            for verb in verbs:
                yield place, user, info, verb


def _fields(
    people: Sequence[UUID], entities: Sequence[EntityInfo], before: Standing, after: Standing, asker: Access
) -> Iterator[FieldShift]:
    for user in people:
        for info in entities:
            shift = field_shift(user, info, before[user], after[user], asker.entity(info).readable)
            if shift is not None:
                yield shift


def _scopes(
    people: Sequence[UUID], entities: Sequence[EntityInfo], before: Standing, after: Standing
) -> Iterator[ScopeShift]:
    for user in people:
        for info in entities:
            yield from scope_shifts(user, info, before[user], after[user])
