"""Which rows a principal may read or act on, as SQL: the predicate behind every safe relation and every prepared list.

Speed decides its shape (one million records): a disjunct is emitted only if the principal can have such rows,
teams are expanded to a list, shares are one uncorrelated sub-select, and lists are built from disjoint branches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from crmkit.core.entity import EntityInfo
from crmkit.core.fields import AnyReference, Reference
from crmkit.core.policy.access import Access, EntityAccess
from crmkit.core.policy.rule_sources import TrustedSource, compile_trusted
from crmkit.core.registry import Registry
from crmkit.core.rules.parameters import NOW
from crmkit.core.rules.rule import Rule
from crmkit.core.storage.columns import Id, Moment
from crmkit.core.storage.schema import Schema

__all__ = ["Visibility"]

Columns = Any
MAX_BRANCHES = 40


def _literal(_name: str, value: UUID | None) -> ColumnElement[Any]:
    return sa.literal(value, Id())


def _named(name: str, _value: UUID | None) -> ColumnElement[Any]:
    return sa.bindparam(name, type_=Id(), required=True)


@attrs.frozen(eq=False)
class _Rung:
    """One index range of what a principal sees, and what holds *outside* of it, with nothing unknown."""

    kind: str
    condition: ColumnElement[bool]
    outside: ColumnElement[bool]

    @classmethod
    def at(cls, kind: str, column: ColumnElement[Any], value: ColumnElement[Any]) -> _Rung:
        """Return the range where *column* has the *value*, which is never null.

        PostgreSQL knows how many rows are distinct from a value; what it cannot tell it takes for half of all.
        """
        return cls(kind, column == value, column.is_distinct_from(value))

    @classmethod
    def of(cls, kind: str, condition: ColumnElement[bool]) -> _Rung:
        """Return the range in which *condition* holds."""
        return cls(kind, condition, sa.not_(sa.func.coalesce(condition, sa.false())))

    def overlaps(self, later: _Rung) -> bool:
        """Return whether a row can lie in both; it cannot lie in two teams."""
        return not self.kind == later.kind == "team"


@attrs.frozen(eq=False)
class Visibility:
    """Builds predicates for one access.

    With *named* they take :class:`~crmkit.core.rules.parameters.RunValues` with ``access.parameters`` at run time
    instead of values, and there is no moment.
    """

    registry: Registry
    schema: Schema
    access: Access
    moment: Any
    named: bool = False

    @property
    def _bind(self) -> Callable[[str, UUID | None], ColumnElement[Any]]:
        return _named if self.named else _literal

    def predicate(self, info: EntityInfo, columns: Columns, verb: str = "read") -> ColumnElement[bool]:
        """Return the condition under which *verb* is allowed on a row; for ``read`` that is being visible.

        The rows of a verb other than ``read`` are those where a grant of that verb holds: combine it with ``read``.
        """
        if self.access.is_system:
            return sa.true()
        branches = list(self._scopes(info, columns, verb))
        if not branches:
            return sa.false()
        return sa.and_(sa.or_(*branches), *self._common(info, columns, verb))

    def shown(self, info: EntityInfo, columns: Columns, *, deleted: bool = False) -> ColumnElement[bool]:
        """Return the condition under which a list has a row: it is visible, and with *deleted* in the bin.

        A record in the bin is shown to those who may delete it. A row of an extension is shown with its host's.
        """
        if info.host is not None:
            key: ColumnElement[Any] = columns.record_id
            return key.in_(self.visible_ids(info.host, deleted=deleted))
        if not deleted:
            return sa.and_(columns.deleted_at.is_(None), self.predicate(info, columns))
        deletable = self.predicate(info, columns, "delete")
        return sa.and_(columns.deleted_at.is_not(None), self.predicate(info, columns), deletable)

    def branches(self, info: EntityInfo, columns: Columns) -> list[ColumnElement[bool]]:
        """Return disjoint conditions that together are :meth:`predicate` for ``read``, each served by one index."""
        if self.access.is_system:
            return [sa.true()]
        rungs = list(self._rungs(info, columns))
        if not rungs or len(rungs) > MAX_BRANCHES:
            return [self.predicate(info, columns)]
        common = list(self._common(info, columns, "read"))
        return [
            sa.and_(rung.condition, *(other.outside for other in rungs[:place] if other.overlaps(rung)), *common)
            for place, rung in enumerate(rungs)
        ]

    def _rungs(self, info: EntityInfo, columns: Columns) -> Iterator[_Rung]:
        """Yield one condition for each index range: own, each team, shares; nothing if one condition says it all."""
        entity = self.access.entity(info)
        scope = entity.scope("read")
        if scope.level == "all" or (not scope and not entity.shared):
            return
        if scope.level is not None:
            yield _Rung.at("own", columns.owner_id, self.me())
            for team in self._team_binds(scope.level):
                yield _Rung.at("team", columns.team_id, team)
        if entity.shared:
            yield _Rung.of("shared", columns.id.in_(self._shared_ids(info, "read")))
        for rule in scope.rules:
            yield _Rung.of("rule", self._trusted(info, columns, rule))

    def _scopes(self, info: EntityInfo, columns: Columns, verb: str) -> Iterator[ColumnElement[bool]]:
        entity = self.access.entity(info)
        scope = entity.scope(verb)
        if scope.level == "all":
            yield sa.true()
            return
        if scope.level is not None:
            yield columns.owner_id == self.me()
            if teams := self._team_binds(scope.level):
                yield columns.team_id.in_(teams)
        for rule in scope.rules:
            yield self._trusted(info, columns, rule)
        if verb in entity.shared:
            yield columns.id.in_(self._shared_ids(info, verb))

    def unrestricted(self, info: EntityInfo, columns: Columns, verb: str) -> ColumnElement[bool]:
        """Return the condition under which no restriction forbids *verb* on a row, whatever is granted."""
        rules = self.access.entity(info).restrictions.get(verb, ())
        return sa.and_(sa.true(), *(self._trusted(info, columns, rule) for rule in rules))

    def _common(self, info: EntityInfo, columns: Columns, verb: str) -> Iterator[ColumnElement[bool]]:
        """Yield what no grant overrides: restrictions, and the visibility of the records that this one follows."""
        entity: EntityAccess = self.access.entity(info)
        for rule in entity.restrictions.get(verb, ()):
            yield self._trusted(info, columns, rule)
        if verb != "read":
            return
        for field in info.fields.values():
            if isinstance(field.type, Reference) and field.type.follows:
                yield self._follows(columns[field.name], field.type.entity)
            elif isinstance(field.type, AnyReference):
                yield self._follows_any(columns[f"{field.name}_entity"], columns[f"{field.name}_id"], field.type)

    def _follows(self, column: ColumnElement[Any], entity: str) -> ColumnElement[bool]:
        return sa.or_(column.is_(None), self._leads_to_visible(column, self.registry.entities[entity]))

    def _follows_any(
        self, entity: ColumnElement[Any], id_: ColumnElement[Any], kind: AnyReference
    ) -> ColumnElement[bool]:
        targets = [
            sa.and_(entity == target.id, self._leads_to_visible(id_, target))
            for target in self.registry.targets(kind)
            if self._sees(target)
        ]
        return sa.or_(entity.is_(None), *targets)

    def _leads_to_visible(self, column: ColumnElement[Any], info: EntityInfo) -> ColumnElement[bool]:
        """Return the condition that *column* has the id of a visible record of *info*, asked row by row.

        As a list of ids, both databases would gather all records that are visible before they look at the first row.
        """
        table = self.schema.alias(info)
        seen: sa.Select[Any] = sa.select(sa.literal_column("1")).where(table.c.id == column, self.shown(info, table.c))
        return seen.correlate_except(table).exists()

    def _sees(self, info: EntityInfo) -> bool:
        entity = self.access.entity(info)
        return bool(entity.scope("read") or entity.shared)

    def visible_ids(self, entity: str, *, deleted: bool = False) -> sa.Select[Any]:
        """Return a select of the ids of every record of *entity* that is :meth:`shown`."""
        info = self.registry.entities[entity]
        table = self.schema.alias(info)
        return sa.select(table.c.id).where(self.shown(info, table.c, deleted=deleted))

    def me(self) -> ColumnElement[Any]:
        """Return the id of the principal's user."""
        return self._bind("me", self.access.user_id)

    def _team_binds(self, level: str) -> Sequence[ColumnElement[Any]]:
        return [self._bind(f"team_{place}", team) for place, team in enumerate(self.access.team_ids(level))]

    def _shared_ids(self, info: EntityInfo, verb: str) -> sa.Select[Any] | sa.CompoundSelect[Any]:
        share = self.schema.tables["core_share"]
        levels = [share.c.level == "write"] if verb == "update" else []
        ids = sa.select(share.c.record_id).where(share.c.record_entity == info.id, self.counts_now(share), *levels)
        teams = [self._bind(f"team_{place}", team) for place, team in enumerate(self.access.teams)]
        with_me = ids.where(share.c.user_id == self.me())
        # Not one condition with OR: SQLite would read all shares there are.
        return sa.union_all(with_me, ids.where(share.c.team_id.in_(teams))) if teams else with_me

    def counts_now(self, share: sa.Table) -> ColumnElement[bool]:
        """Return the condition under which a row of *share* is in force: it has not been ended, nor come to its end."""
        now = sa.bindparam(NOW, type_=Moment(), required=True) if self.named else sa.literal(self.moment.now, Moment())
        return sa.and_(share.c.deleted_at.is_(None), sa.or_(share.c.ends_at.is_(None), share.c.ends_at > now))

    def _trusted(self, info: EntityInfo, columns: Columns, rule: Rule) -> ColumnElement[bool]:
        source = TrustedSource(self.registry, self.schema, info, columns)
        return compile_trusted(rule, source, self.moment)
