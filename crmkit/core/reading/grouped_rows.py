"""The rows behind groups and measures: what a principal sees of an entity, and what plugins added to it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from crmkit.core.entity import EntityInfo, FieldInfo, computed
from crmkit.core.errors import UnknownFieldError
from crmkit.core.money import Money
from crmkit.core.policy.rule_sources import FieldScope, VisibleSource
from crmkit.core.policy.visibility import Visibility
from crmkit.core.reading.measures import MeasureError
from crmkit.core.rules.check_paths import default_of
from crmkit.core.storage.custom import column_in
from crmkit.core.storage.schema import column_names
from crmkit.core.text import gettext as _

__all__ = ["GroupedRows"]


class GroupedRows:
    """The rows of one entity, joined with the side tables of the fields that are asked for."""

    def __init__(self, visibility: Visibility, info: EntityInfo) -> None:
        """Begin with the entity's own table."""
        self.visibility, self.info = visibility, info
        self.table = visibility.schema.table(info)
        self.source = VisibleSource(visibility, info, self.table.c)
        self._scope = FieldScope(visibility.registry, info, visibility.access)
        self._sides: dict[str, sa.Table] = {}

    @property
    def joined(self) -> sa.FromClause:
        """The table with the side tables that were needed so far; every row of the table occurs once."""
        found: sa.FromClause = self.table
        for side in self._sides.values():
            found = found.outerjoin(side, side.c.record_id == self.table.c.id)
        return found

    def field(self, name: str) -> FieldInfo | computed[Any]:
        """Return the field *name*; that of an extension is ``plugin.field``.

        Raises:
            UnknownFieldError: there is none, or it is hidden; the words are the same.
            MeasureError: it is encrypted.
        """
        if not isinstance(name, str):
            raise UnknownFieldError(self.info.id, repr(name))
        field = self._scope.named(name)[1]
        if isinstance(field, FieldInfo) and field.encrypted:
            message = _("{field!r} is encrypted: group by other fields, and count records")
            raise MeasureError(self.info.id, message, field=name)
        return field

    def value(self, name: str) -> ColumnElement[Any]:
        """Return what the field *name* is grouped and summed up by: of money, the value in the company's currency."""
        field, source = self.field(name), self._source(name)
        return self._or_default(source, field, source.value(field), -1)

    def columns(self, name: str) -> list[ColumnElement[Any]]:
        """Return every column of the field *name*, which is stored."""
        field, source = self.field(name), self._source(name)
        assert isinstance(field, FieldInfo)
        pairs = zip(column_names(field), field.type.columns(), strict=True)
        columns = [column_in(source.columns, column, slot) for column, slot in pairs]
        return [self._or_default(source, field, column, place) for place, column in enumerate(columns)]

    def _source(self, name: str) -> VisibleSource:
        plugin, _field = self._scope.named(name)
        if plugin is None:
            return self.source
        if plugin not in self._sides:
            extension = self.visibility.registry.extensions[self.info.id][plugin]
            self._sides[plugin] = self.visibility.schema.table(extension)
        return self.source.beside(plugin, self._sides[plugin].c)

    def _or_default(
        self, source: VisibleSource, field: FieldInfo | computed[Any], column: ColumnElement[Any], place: int
    ) -> ColumnElement[Any]:
        """Return *column*, the one at *place* of *field*; where an extension has no row, what it is by default."""
        if source is self.source:
            return column
        default = default_of(source.entity, field)
        kept = field.type.split(default)[place]
        if isinstance(default, Money) and place == -1:
            kept = default.minor if default.currency == self.visibility.registry.currency else None
        if kept is None:
            return column
        return sa.case((source.columns.record_id.is_not(None), column), else_=sa.literal(kept, column.type))
