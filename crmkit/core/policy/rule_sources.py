"""Where rules look things up: which fields exist for whom, and in which columns they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from crmkit.core.entity import EntityInfo, FieldInfo, computed, is_custom
from crmkit.core.errors import UnknownFieldError
from crmkit.core.fields import Reference
from crmkit.core.pipelines import overdue
from crmkit.core.policy.access import Access
from crmkit.core.registry import Registry
from crmkit.core.rules.calculations import within_64_bits
from crmkit.core.rules.check import check
from crmkit.core.rules.portable import WhereShown
from crmkit.core.rules.rule import Rule
from crmkit.core.rules.sql import compile_rule
from crmkit.core.storage.custom import column_in
from crmkit.core.storage.schema import Schema, filter_column

if TYPE_CHECKING:
    from crmkit.core.policy.visibility import Visibility

__all__ = ["FieldScope", "TrustedSource", "VisibleSource", "compile_trusted", "computed_column"]


@attrs.frozen(eq=False)
class FieldScope:
    """The fields of one entity that exist for an access; all of them without one."""

    registry: Registry
    entity: EntityInfo
    access: Access | None = None

    @property
    def base_currency(self) -> str:
        """The company's currency, in which bare money is compared."""
        return self.registry.currency

    def field(self, name: str) -> FieldInfo | computed[Any]:
        """Return the field or computed field *name*.

        Raises:
            UnknownFieldError: there is none, or it is hidden; the words are the same.
        """
        if not self._is_readable(name):
            raise UnknownFieldError(self.entity.id, name)
        entity = self.entity
        found = entity.fields.get(name) or entity.computed.get(name) or entity.custom.get(name)
        if found is None:
            raise UnknownFieldError(entity.id, name)
        return found

    def named(self, name: str) -> tuple[str | None, FieldInfo | computed[Any]]:
        """Return the field *name* as lists and measures name it, and the plugin whose extension it belongs to.

        Raises:
            UnknownFieldError: there is none, or it is hidden; the words are the same.
        """
        plugin, dot, inner = name.partition(".")
        if dot and not is_custom(name):
            return plugin, self.extension(plugin).field(inner)
        return None, self.field(name)

    def related(self, relation: str) -> FieldScope:
        """Return the scope of the records behind the reference called *relation*.

        Raises:
            UnknownFieldError: there is no such reference, or it is hidden.
        """
        for field in (*self.entity.fields.values(), *self.entity.custom.values()):
            if isinstance(field.type, Reference) and field.relation == relation and self._is_readable(field.name):
                return attrs.evolve(self, entity=self.registry.entities[field.type.entity])
        raise UnknownFieldError(self.entity.id, relation)

    def extension(self, plugin: str) -> FieldScope:
        """Return the scope of the fields that *plugin* adds to this entity.

        Raises:
            UnknownFieldError: it adds none.
        """
        found = self.registry.extensions.get(self.entity.id, {}).get(plugin)
        if found is None:
            raise UnknownFieldError(self.entity.id, plugin)
        return attrs.evolve(self, entity=found)

    def overdue(self) -> Rule | None:
        """Return the rule that ``overdue()`` stands for; ``None`` if records of the entity stand in no pipeline."""
        return overdue(self.registry.pipelines_of(self.entity.id)) if self.entity.pipelined else None

    def _is_readable(self, name: str) -> bool:
        if self.access is None:
            return True
        host = self.registry.entities[self.entity.host or self.entity.id]
        qualified = f"{self.entity.extends_as}.{name}" if self.entity.extends_as else name
        return qualified in self.access.entity(host).readable


@attrs.frozen(eq=False)
class VisibleSource:
    """Rows as one principal sees them: what a caller's rule follows ends at what the caller may read.

    With *deleted* it begins at records in the bin.
    """

    visibility: Visibility
    entity: EntityInfo
    columns: Any
    deleted: bool = False

    def related(self, entity: str) -> VisibleSource:
        """Return every record of *entity* that the principal may read."""
        info = self.visibility.registry.entities[entity]
        table = self.visibility.schema.table(info)
        seen = sa.select(table).where(self.visibility.shown(info, table.c)).subquery()
        return attrs.evolve(self, entity=info, columns=seen.c, deleted=False)

    def extension(self, plugin: str) -> VisibleSource:
        """Return the side table that *plugin* adds; who sees the host sees its row."""
        info = self.visibility.registry.extensions[self.entity.id][plugin]
        return self.beside(plugin, self.visibility.schema.table(info).alias().c)

    def beside(self, plugin: str, columns: Any) -> VisibleSource:
        """Return the side table that *plugin* adds, as it stands in *columns*."""
        return attrs.evolve(self, entity=self.visibility.registry.extensions[self.entity.id][plugin], columns=columns)

    def value(self, field: FieldInfo | computed[Any]) -> ColumnElement[Any]:
        """Return what *field* is compared, sorted and summed up by."""
        if not isinstance(field, FieldInfo):
            return self.computed(field.name)
        return column_in(self.columns, filter_column(field), field.type.columns()[-1])

    def computed(self, name: str) -> ColumnElement[Any]:
        """Return the expression of a computed field; of rows that are not shown it is null."""
        shown = self.visibility.shown(self.entity, self.columns, deleted=self.deleted)
        return computed_column(self.entity, name, self.columns, shown)


@attrs.frozen(eq=False)
class TrustedSource:
    """The stored rows of an entity, seen by nobody's eyes: for grants, restrictions and guards."""

    registry: Registry
    schema: Schema
    entity: EntityInfo
    columns: Any

    def related(self, entity: str) -> TrustedSource:
        """Return every record of *entity* that is not deleted."""
        info = self.registry.entities[entity]
        table = self.schema.table(info)
        alive = sa.select(table).where(table.c.deleted_at.is_(None)).subquery()
        return attrs.evolve(self, entity=info, columns=alive.c)

    def extension(self, plugin: str) -> TrustedSource:
        """Return the side table that *plugin* adds to this entity."""
        info = self.registry.extensions[self.entity.id][plugin]
        return attrs.evolve(self, entity=info, columns=self.schema.table(info).alias().c)

    def computed(self, name: str) -> ColumnElement[Any]:
        """Return the expression of a computed field."""
        return computed_column(self.entity, name, self.columns)


def computed_column(
    info: EntityInfo, name: str, columns: Any, shown: ColumnElement[bool] | None = None
) -> ColumnElement[Any]:
    """Return the SQL expression of the computed field *name* over *columns*, in the type it was declared with.

    With *shown*, no database works it out for a row for which that does not hold.
    """
    from crmkit.core.storage.columns import sql_type

    declared = info.computed[name]
    slot = declared.type.columns()[-1]
    expression: ColumnElement[Any] = declared.in_sql(columns)
    if slot.kind in ("integer", "scaled"):
        expression = within_64_bits(expression)
    if shown is not None:
        expression = WhereShown(shown, expression)
    return sa.type_coerce(expression, sql_type(slot))


def compile_trusted(rule: Rule, source: TrustedSource, moment: Any) -> ColumnElement[bool]:
    """Return the SQL of a grant's, restriction's or guard's *rule*."""
    # What a class says of itself knows no field that was made at run time.
    scope = FieldScope(source.registry, source.registry.entities[source.entity.id])
    return compile_rule(check(rule, scope), source, moment)
