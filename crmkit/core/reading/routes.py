"""From the records of an entity along relations to one record, as SQL that ends at what a principal may read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from crmkit.core.entity import EntityInfo, FieldInfo
from crmkit.core.fields import AnyReference, Reference
from crmkit.core.policy.visibility import Visibility
from crmkit.core.rules.portable import Unindexed
from crmkit.core.sections import Route, Through
from crmkit.core.storage.columns import Id

__all__ = ["HOST", "Routes"]

HOST = "host_id"
"""The parameter that has the id of the record to which routes lead."""

Ids = sa.Select[Any] | sa.CompoundSelect[Any]


@attrs.frozen(eq=False)
class Routes:
    """The ways to a record of the entity *host* that exist for a *visibility*: over fields and records that it shows.

    Each begins at the far end, so that it walks the indexes of references and finds few records among millions.
    """

    visibility: Visibility
    host: EntityInfo

    def leading(self, info: EntityInfo, routes: Iterable[Route]) -> Ids | None:
        """Return the ids of the records of *info* from which a route leads to the host; ``None`` if none can.

        Whether these records are visible themselves is left to whoever selects them.
        """
        return _united([ids for route in routes for ids in self._along(info, route)])

    def _along(self, info: EntityInfo, route: Route) -> Iterator[Ids]:
        if isinstance(route, Through):
            yield from self._through(info, route)
            return
        hop, _dot, rest = route.partition(".")
        field = info.leading(hop)
        if field is None or not self._reads(info, field.name):
            return
        for entity in self._entities(field):
            table = self.visibility.schema.table(info).alias()
            for condition in self._ends(table, field, entity, rest):
                yield sa.select(table.c.id).where(table.c.deleted_at.is_(None), condition)

    def _entities(self, field: FieldInfo) -> Iterator[EntityInfo]:
        registry = self.visibility.registry
        if isinstance(field.type, Reference):
            yield registry.entities[field.type.entity]
        elif isinstance(field.type, AnyReference):
            yield from registry.targets(field.type)

    def _ends(
        self, table: sa.FromClause, field: FieldInfo, entity: EntityInfo, rest: str
    ) -> Iterator[ColumnElement[bool]]:
        """Yield the condition that *field* points at the host, or at those of *entity* from which *rest* goes on."""
        is_any = isinstance(field.type, AnyReference)
        column = table.c[f"{field.name}_id" if is_any else field.name]
        named = [table.c[f"{field.name}_entity"] == entity.id] if is_any else []
        if not rest and entity is self.host:
            yield sa.and_(*named, column == sa.bindparam(HOST, type_=Id(), required=True))
        elif rest and (ids := _united(list(self._along(entity, rest)))) is not None:
            yield sa.and_(*named, column.in_(self._shown(entity, ids)))

    def _through(self, info: EntityInfo, route: Through) -> Iterator[Ids]:
        between = self.visibility.registry.entities[route.entity]
        if not self._reads(between, route.near):
            return
        ids = _united(list(self._along(between, route.far)))
        near = between.fields[route.near]
        if ids is None:
            return
        table = self.visibility.schema.table(between).alias()
        is_any = isinstance(near.type, AnyReference)
        named = [table.c[f"{near.name}_entity"] == info.id] if is_any else []
        chosen = sa.select(table.c[f"{near.name}_id" if is_any else near.name])
        yield chosen.where(table.c.id.in_(ids), *named, self._is_shown(between, table))

    def _shown(self, info: EntityInfo, ids: Ids) -> Ids:
        table = self.visibility.schema.table(info).alias()
        return sa.select(table.c.id).where(table.c.id.in_(ids), self._is_shown(info, table))

    def _is_shown(self, info: EntityInfo, table: sa.FromClause) -> ColumnElement[bool]:
        return Unindexed(self.visibility.shown(info, table.c))

    def _reads(self, info: EntityInfo, field: str) -> bool:
        return field in self.visibility.access.entity(info).readable


def _united(ids: list[Ids]) -> Ids | None:
    return sa.union_all(*ids) if len(ids) > 1 else next(iter(ids), None)
