"""Letting a plugin own an entity that was made at run time: its table, its records and its names stay as they are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import sqlalchemy as sa
from alembic import op
from sqlalchemy.engine import Connection

from crmkit.core.custom_fields.types import field_type
from crmkit.core.fields import FieldType, Reference, Refused
from crmkit.core.migrating.errors import RevisionError
from crmkit.core.migrating.recording import record_ownership
from crmkit.core.migrating.redefining import redefine
from crmkit.core.registry import CUSTOM
from crmkit.core.storage.system_tables.changing import entity_owner
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["give_back_entity", "note_purged", "owned_entities", "take_over_entity"]

# Read where the core's newest revisions may not be there yet.
_OWNER = entity_owner(sa.MetaData())
_DEFINITION = sa.table("core_custom_entity", sa.column("slug"), sa.column("deleted_at"))


def take_over_entity(
    entity: str,
    plugin: str,
    *,
    owned: bool = False,
    number_prefix: str | None = None,
    follows: str | None = None,
    stages: Sequence[str] = (),
    fields: Mapping[str, str] | None = None,
) -> bool:
    """Make *plugin* the owner of *entity*, and return whether it was made at run time here, with its table.

    To be called in the ``upgrade`` of a revision, which makes the table where the answer is ``False``. Records,
    histories, shares, grants, views and automations name the entity and its fields as before, so that none is touched.
    What the administrator defined goes into the bin for good: the entity, and the custom *fields*, which the plugin
    declares with :func:`crmkit.custom_field` under the same keys and slots.

    Raises:
        RevisionError: what is here is not what the plugin was made of, or the entity was removed.
    """
    made_here = record_ownership(op.get_context().impl, entity, plugin, lambda c: _stands(c, entity, alive=True))
    if made_here is not None:
        return made_here
    change = _Change(op.get_context().opts["crm"], op.get_bind(), entity, plugin)
    change.own()
    row = change.definition()
    if row is None:
        return False
    change.check_shape(row, owned, number_prefix, follows, stages)
    found = list(change.fields(fields or {}))
    now = change.crm.clock.now()
    change.define("delete", [row], {"deleted_at": now})
    change.define("delete", found, {"deleted_at": now, "purged_at": now}, "core.custom_field")
    return True


def give_back_entity(entity: str, plugin: str, *, fields: Mapping[str, str] | None = None) -> bool:
    """Undo :func:`take_over_entity` in ``downgrade``, and return whether the administrator has the entity again.

    The table stays with it; where the answer is ``False``, the revision drops it.
    """
    made_here = record_ownership(
        op.get_context().impl, entity, plugin, lambda c: _stands(c, entity, alive=False), back=True
    )
    if made_here is not None:
        return made_here
    change = _Change(op.get_context().opts["crm"], op.get_bind(), entity, plugin)
    change.let_go()
    row = change.definition()
    if row is None:
        return False
    change.define("restore", [row], {"deleted_at": None})
    back = {"deleted_at": None, "purged_at": None}
    change.define("restore", list(change.retired(fields or {})), back, "core.custom_field")
    return True


def owned_entities(connection: Connection, plugins: Collection[str]) -> list[str]:
    """Return the entities that *plugins* own although their ids carry another name."""
    if not sa.inspect(connection).has_table(_OWNER.name):
        return []
    mine = sa.select(_OWNER.c.entity).where(_OWNER.c.plugin.in_(list(plugins)))
    return list(connection.scalars(mine.order_by(_OWNER.c.entity)))


def note_purged(crm: CRM, connection: Connection, plugin: str) -> None:
    """Write down that the records of the entities that *plugin* owned are gone for good, and that nobody owns them."""
    owned = owned_entities(connection, [plugin])
    table, owner = crm.schema.tables["core_custom_entity"], crm.schema.system.entity_owner
    slugs = [entity.removeprefix(f"{CUSTOM}.") for entity in owned]
    gone = connection.scalars(sa.select(table.c.id).where(table.c.slug.in_(slugs), table.c.purged_at.is_(None)))
    changes = {id_: {"purged_at": (None, crm.clock.now())} for id_ in gone}
    if changes:
        redefine(crm, connection, "core.custom_entity", "update", changes, f"purge: {plugin}")
    connection.execute(sa.delete(owner).where(owner.c.plugin == plugin))


def _stands(connection: Connection, entity: str, *, alive: bool) -> bool:
    """Return whether a definition of *entity* is there: in use, or in the bin."""
    if not sa.inspect(connection).has_table(_DEFINITION.name):
        return False
    slug, deleted = _DEFINITION.c.slug, _DEFINITION.c.deleted_at
    asked = sa.select(slug).where(slug == entity.removeprefix(f"{CUSTOM}."), deleted.is_(None) == alive)
    return connection.scalar(asked.limit(1)) is not None


@attrs.frozen
class _Change:
    """One change of owner, inside the transaction of a revision."""

    crm: CRM
    connection: Connection
    entity: str
    plugin: str

    def own(self) -> None:
        """Write down who owns the entity from now on."""
        table = self.crm.schema.system.entity_owner
        before = self.connection.scalar(sa.select(table.c.plugin).where(table.c.entity == self.entity))
        if before not in (None, self.plugin):
            raise RevisionError(self.entity, _("the plugin {plugin} owns this entity"), plugin=before)
        if before is None:
            self.connection.execute(sa.insert(table).values(entity=self.entity, plugin=self.plugin))
            self.crm.model.epochs.raise_definitions(self.connection)

    def let_go(self) -> None:
        """Forget who owns the entity."""
        table = self.crm.schema.system.entity_owner
        self.connection.execute(sa.delete(table).where(table.c.entity == self.entity))

    def definition(self) -> Mapping[str, Any] | None:
        """Return what an administrator defined, unless it was purged."""
        table = self.crm.schema.tables["core_custom_entity"]
        slug = self.entity.removeprefix(f"{CUSTOM}.")
        return next(iter(self._rows(sa.select(table).where(table.c.slug == slug, table.c.purged_at.is_(None)))), None)

    def check_shape(
        self,
        row: Mapping[str, Any],
        owned: bool,
        number_prefix: str | None,
        follows: str | None,
        stages: Sequence[str],
    ) -> None:
        """Refuse an entity that has the name only, or changed since the plugin was made of it."""
        if row["deleted_at"] is not None:
            message = _("this entity was removed here; restore it first, or purge it: {do}")
            raise RevisionError(self.entity, message, do=f"crmkit entity restore {row['slug']}")
        if (bool(row["owned"]), row["number_prefix"], row["follows"]) != (owned, number_prefix, follows):
            message = _("an administrator made another entity of this name here; the plugin cannot have it")
            raise RevisionError(self.entity, message)
        if [_slug(stage) for stage in row["stages"] or ()] != list(stages):
            message = _("the entity has other stages since the plugin was made of it; export it again")
            raise RevisionError(self.entity, message)

    def fields(self, slots: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        """Yield the definitions of the custom fields that the plugin declares, by keys and *slots*."""
        for row in self._fields():
            slot = slots.get(row["key"])
            if row["purged_at"] is not None or slot is None:
                continue
            if row["slot"] == slot:
                self._check_type(row)
                yield row
            elif row["deleted_at"] is None:
                raise self._another(row["key"])

    def retired(self, slots: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        """Yield the definitions that :meth:`fields` yielded when they were retired."""
        return (row for row in self._fields() if row["purged_at"] and slots.get(row["key"]) == row["slot"])

    def _fields(self) -> list[Mapping[str, Any]]:
        table = self.crm.schema.tables["core_custom_field"]
        return self._rows(sa.select(table).where(table.c.entity == self.entity))

    def _rows(self, asked: sa.Select[Any]) -> list[Mapping[str, Any]]:
        return [dict(row) for row in self.connection.execute(asked).mappings()]

    def _check_type(self, row: Mapping[str, Any]) -> None:
        """Refuse to read what is kept as something else."""
        info = self.crm.registry.entities.get(self.entity)
        declared = None if info is None else info.custom.get(f"custom.{row['key']}")
        if declared is None or declared.slot != row["slot"]:
            return  # A later version of the plugin has no such field any more.
        try:
            kept = field_type(row["type"], row["options"])
        except Refused as refused:
            raise RevisionError(f"{self.entity}.custom.{row['key']}", refused.message, **refused.facts) from None
        if _kept_as(kept) != _kept_as(declared.type):
            raise self._another(row["key"])

    def _another(self, key: str) -> RevisionError:
        message = _("the custom field is another one since the plugin was made of it; export it again")
        return RevisionError(f"{self.entity}.custom.{key}", message)

    def define(
        self,
        kind: str,
        rows: Sequence[Mapping[str, Any]],
        values: Mapping[str, Any],
        of: str = "core.custom_entity",
    ) -> None:
        """Retire definitions, or bring them back."""
        changes = {row["id"]: {name: (row[name], value) for name, value in values.items()} for row in rows}
        if changes:
            redefine(self.crm, self.connection, of, kind, changes, f"migration: {op.get_context().opts['revision']}")


def _kept_as(kind: FieldType) -> tuple[str, int, str | None]:
    """Return what decides how a value that is kept is read."""
    return kind.name, kind.columns()[-1].scale, kind.entity if isinstance(kind, Reference) else None


def _slug(stage: Any) -> str:
    return str(stage if isinstance(stage, str) else stage["slug"])
