"""Records as their words are made of: no more is read of them than the fields that are searched."""

from __future__ import annotations

from typing import Any

import attrs
import sqlalchemy as sa

from crmkit.core.registry import Registry
from crmkit.core.searching.documents import Searched, SearchedField
from crmkit.core.storage.custom import column_in
from crmkit.core.storage.schema import Schema, column_names

__all__ = ["StoredTexts"]


@attrs.frozen(eq=False)
class StoredTexts:
    """Reads what stands in the fields of *searched* that are searched."""

    registry: Registry
    schema: Schema
    searched: Searched

    @property
    def table(self) -> sa.Table:
        """The table of the entity."""
        return self.schema.table(self.searched.info)

    def select(self) -> sa.Select[Any]:
        """Return the statement of all records by id, of which :meth:`words` are made."""
        table, joined = self.table, self._joined()
        kept = [self._column(field).label(f"text_{place}") for place, field in enumerate(self.searched.fields)]
        rows = [self._side(plugin).c.record_id.label(f"row_{plugin}") for plugin in self._plugins]
        return sa.select(table.c.id, table.c.deleted_at, *kept, *rows).select_from(joined).order_by(table.c.id)

    def words(self, row: Any) -> str:
        """Return the words of a *row* of the statement: none of a record in the bin."""
        if row.deleted_at is not None:
            return ""
        cells, places = row._mapping, {field.code: place for place, field in enumerate(self.searched.fields)}

        def value_of(field: SearchedField) -> Any:
            if field.plugin is not None and cells[f"row_{field.plugin}"] is None:
                return field.field.default()
            return cells[f"text_{places[field.code]}"]

        return self.searched.words(value_of)

    @property
    def _plugins(self) -> list[str]:
        return sorted({field.plugin for field in self.searched.fields if field.plugin is not None})

    def _side(self, plugin: str) -> sa.Table:
        return self.schema.table(self.registry.extensions[self.searched.info.id][plugin])

    def _joined(self) -> sa.FromClause:
        joined: sa.FromClause = self.table
        for plugin in self._plugins:
            side = self._side(plugin)
            joined = joined.outerjoin(side, side.c.record_id == self.table.c.id)
        return joined

    def _column(self, field: SearchedField) -> sa.ColumnElement[Any]:
        columns = self.table.c if field.plugin is None else self._side(field.plugin).c
        return column_in(columns, column_names(field.field)[0], field.field.type.columns()[0])
