"""Making fields of a plugin's extension out of fields that were made at run time, and giving them back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import msgspec
import sqlalchemy as sa
from alembic import op
from sqlalchemy.engine import Connection

from crmkit.core.custom_fields.purging import slots_of
from crmkit.core.custom_fields.types import field_type
from crmkit.core.fields import Column, FieldType, Refused
from crmkit.core.migrating.carrying import carry_names
from crmkit.core.migrating.errors import RevisionError
from crmkit.core.migrating.recording import record_taking_over
from crmkit.core.migrating.redefining import redefine
from crmkit.core.storage.columns import Id, sql_type
from crmkit.core.storage.custom import custom_value, to_json
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["give_back_fields", "take_over_fields"]

_BATCH = 1_000


def take_over_fields(entity: str, plugin: str, slots: Mapping[str, str]) -> None:
    """Move custom fields of *entity* into the extension of *plugin*, inside the ``upgrade`` of a revision.

    *slots* maps fields of the extension to the slots of the custom fields that they were. Every value moves from the
    JSON of its record to the extension's table, records in the bin included; ids, versions and times of records stay.
    Masks, and rules of grants, that administrators made follow, and the definitions go into the bin for good. Where
    there is no such custom field, as in another company's CRM, nothing is done. Declare the fields with ``formerly``,
    so that histories tell their earlier values.

    Raises:
        RevisionError: a custom field is not what it was when the plugin was made of it.
    """
    if record_taking_over(op.get_context().impl, entity, plugin, list(slots)):
        return
    move = _Move.at_work(entity, plugin)
    found = [each for each in (move.found(name, slot, alive=True) for name, slot in slots.items()) if each]
    if found:
        move.check_declared(found)
        move.take(found)
        move.carry([(f"custom.{each.key}", each.name) for each in found])
        now = move.crm.clock.now()
        move.define(found, "delete", {"deleted_at": now, "purged_at": now})


def give_back_fields(entity: str, plugin: str, slots: Mapping[str, str]) -> None:
    """Undo :func:`take_over_fields`, inside the ``downgrade`` of a revision: values, masks, rules and definitions.

    Raises:
        RevisionError: somebody made another custom field of the same name meanwhile.
    """
    if record_taking_over(op.get_context().impl, entity, plugin, list(slots), back=True):
        return
    move = _Move.at_work(entity, plugin)
    found = [each for each in (move.found(name, slot, alive=False) for name, slot in slots.items()) if each]
    if found:
        move.check_free(found)
        move.give(found)
        move.carry([(each.name, f"custom.{each.key}") for each in found])
        move.define(found, "restore", {"deleted_at": None, "purged_at": None})


@attrs.frozen
class _Found:
    """A custom field by its definition, and the field of the extension."""

    id: Any
    name: str
    key: str
    slot: str
    former: Sequence[str]
    type: FieldType
    has_default: bool
    gone: Mapping[str, Any]

    @property
    def column(self) -> str:
        """The column of the extension's table."""
        return self.name.rpartition(".")[2]

    @property
    def kept(self) -> Column:
        """What the column keeps."""
        return self.type.columns()[-1]


@attrs.frozen
class _Move:
    """One change of place, inside the transaction of a revision."""

    crm: CRM
    connection: Connection
    entity: str
    plugin: str

    @classmethod
    def at_work(cls, entity: str, plugin: str) -> _Move:
        """Return it for the revision that runs."""
        return cls(op.get_context().opts["crm"], op.get_bind(), entity, plugin)

    @property
    def host(self) -> sa.Table:
        """The table of the entity."""
        return self.crm.schema.tables[self.entity.replace(".", "_")]

    @property
    def definitions(self) -> sa.Table:
        """The table of the definitions of custom fields."""
        return self.crm.schema.tables["core_custom_field"]

    def side(self, found: Sequence[_Found]) -> sa.TableClause:
        """Return the extension's table as it is now, whatever is declared by later revisions."""
        columns = [sa.column(each.column, sql_type(each.kept)) for each in found]
        return sa.table(f"{self.plugin}_{self.host.name}", sa.column("record_id", Id()), *columns)

    def found(self, name: str, slot: str, *, alive: bool) -> _Found | None:
        """Return the definition behind *slot*; those that were retired are in the bin, and purged.

        Raises:
            RevisionError: the field was converted since the plugin was made of it.
        """
        table = self.definitions
        of_entity = sa.select(table).where(table.c.entity == self.entity, table.c.deleted_at.is_(None) == alive)
        for row in map(dict, self.connection.execute(of_entity).mappings()):
            if row["slot"] == slot and (alive or row["purged_at"] is not None):
                return self._read(name, row)
            if alive and slot in (row["former"] or ()):
                message = _("the custom field was converted since the plugin was made of it; export it again")
                raise RevisionError(f"{self.entity}.custom.{row['key']}", message)
        return None

    def _read(self, name: str, row: Mapping[str, Any]) -> _Found:
        try:
            kind = field_type(row["type"], row["options"])
        except Refused as refused:
            where = f"{self.entity}.custom.{row['key']}"
            raise RevisionError(where, refused.message, **refused.facts) from None
        default = row["default"] is not None
        qualified = f"{self.plugin}.{name}"
        gone = {name: row[name] for name in ("deleted_at", "purged_at")}
        return _Found(row["id"], qualified, row["key"], row["slot"], tuple(row["former"] or ()), kind, default, gone)

    def check_declared(self, found: Sequence[_Found]) -> None:
        """Refuse to write numbers of one scale into a column of another."""
        extension = self.crm.registry.extensions.get(self.entity, {}).get(self.plugin)
        for each in found:
            field = None if extension is None else extension.fields.get(each.column)
            if field is not None and field.type.columns()[-1].scale != each.kept.scale:
                message = _("the custom field has other decimals since the plugin was made of it; export it again")
                raise RevisionError(f"{self.entity}.custom.{each.key}", message)

    def check_free(self, found: Sequence[_Found]) -> None:
        """Refuse to restore a field beside another one of its name."""
        table = self.definitions
        alive = sa.select(table.c.key).where(table.c.entity == self.entity, table.c.deleted_at.is_(None))
        taken = set(self.connection.scalars(alive))
        for each in found:
            if each.key in taken:
                message = _("somebody made another custom field of this name; remove that one first")
                raise RevisionError(f"{self.entity}.custom.{each.key}", message)

    def take(self, found: Sequence[_Found]) -> None:
        """Write every value into the extension's table, and take it out of the JSON: two statements."""
        host, side = self.host, self.side(found)
        values = [custom_value(host.c.custom, each.slot, each.kept) for each in found]
        moved = sa.select(host.c.id, *values)
        if not any(each.has_default for each in found):
            # Where there is no row, fields have their defaults: only then a record without values needs none.
            moved = moved.where(sa.or_(*(value.is_not(None) for value in values)))
        names = ["record_id", *(each.column for each in found)]
        self.connection.execute(sa.insert(side).from_select(names, moved))
        slots = [slot for each in found for slot in slots_of(each.slot, each.former)]
        left = _without(host, slots, sqlite=self.connection.dialect.name == "sqlite")
        self.connection.execute(sa.update(host).values(custom=sa.type_coerce(left, host.c.custom.type)))

    def give(self, found: Sequence[_Found]) -> None:
        """Write every value back into the JSON of its record."""
        host, side = self.host, self.side(found)
        value = sa.bindparam("given", type_=sa.Text())
        put = _with(host, value, sqlite=self.connection.dialect.name == "sqlite")
        mine = host.c.id == sa.bindparam("row", type_=host.c.id.type)
        update = sa.update(host).where(mine).values(custom=sa.type_coerce(put, host.c.custom.type))
        for rows in self._rows(side):
            given = [{"row": row.record_id, "given": _as_json(row, found)} for row in rows]
            self.connection.execute(update, given)

    def _rows(self, side: sa.TableClause) -> Iterator[Sequence[sa.Row[Any]]]:
        asked, reached = sa.select(side).order_by(side.c.record_id).limit(_BATCH), None
        while True:
            batch = asked if reached is None else asked.where(side.c.record_id > reached)
            rows = self.connection.execute(batch).all()
            if not rows:
                return
            yield rows
            reached = rows[-1].record_id

    def carry(self, names: Sequence[tuple[str, str]]) -> None:
        """Let what is stored and names the fields follow them."""
        for old, new in names:
            carry_names(self.crm, self.connection, self.entity, old, new)

    def define(self, found: Sequence[_Found], kind: str, values: Mapping[str, Any]) -> None:
        """Retire the definitions, or bring them back with the names that the ledger has for them by now."""
        changes = dict[Any, dict[str, Any]]()
        for each in found:
            changes[each.id] = {name: (each.gone[name], new) for name, new in values.items()}
            if kind == "restore" and each.name not in each.former:
                changes[each.id]["former"] = (list(each.former), [*each.former, each.name])
        cause = f"migration: {op.get_context().opts['revision']}"
        redefine(self.crm, self.connection, "core.custom_field", kind, changes, cause)


def _without(host: sa.Table, slots: Sequence[str], *, sqlite: bool) -> sa.ColumnElement[Any]:
    if sqlite:
        return sa.func.json_remove(host.c.custom, *(f"$.{slot}" for slot in slots))
    left: sa.ColumnElement[Any] = host.c.custom
    for slot in slots:
        left = left.op("-")(sa.cast(slot, sa.Text()))
    return left


def _with(host: sa.Table, value: sa.ColumnElement[Any], *, sqlite: bool) -> sa.ColumnElement[Any]:
    if sqlite:
        return sa.func.json_patch(host.c.custom, value)
    return host.c.custom.op("||")(sa.cast(value, host.c.custom.type))


def _as_json(row: sa.Row[Any], found: Sequence[_Found]) -> str:
    """Return what the extension has in *row* as the custom fields keep it; what is empty stays away."""
    values = {each.slot: to_json(each.type)(each.type.join((row._mapping[each.column],))) for each in found}
    return msgspec.json.encode({slot: value for slot, value in values.items() if value is not None}).decode()
