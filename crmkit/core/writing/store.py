"""Step six of a write: the SQL. One prepared statement for each shape of write, run for a whole batch at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from crmkit.core.entity import EntityInfo
from crmkit.core.errors import ConflictError, StaleError
from crmkit.core.fields import Column, MoneyType
from crmkit.core.money import Money
from crmkit.core.policy.visibility import Visibility
from crmkit.core.registry import Registry
from crmkit.core.storage.batches import id_parameters, id_values, padded_batches
from crmkit.core.storage.codecs import id_decoder
from crmkit.core.storage.columns import Id, Moment
from crmkit.core.storage.loading import make_row_decoder
from crmkit.core.storage.locks import locked
from crmkit.core.storage.prepared import Insert, Prepared
from crmkit.core.storage.schema import Schema, column_names
from crmkit.core.writing.changes import Write
from crmkit.core.writing.values import RowEncoder

__all__ = ["Store", "Stored"]

# The values of a stored row, whether it is visible, and whether the verb is allowed on it.
Stored = tuple[dict[str, Any], bool, bool]


class Store:
    """Prepared statements that read stored rows and write batches; shared by all writers of one CRM."""

    def __init__(self, registry: Registry, schema: Schema, dialect: sa.Dialect) -> None:
        """Nothing is compiled before its first use."""
        self._registry, self._schema, self._dialect = registry, schema, dialect
        self._inserts: dict[str, tuple[Insert, RowEncoder]] = {}
        self._updates: dict[tuple[str, tuple[str, ...]], tuple[Prepared, RowEncoder]] = {}
        self._reads: dict[tuple[str, int], Prepared] = {}
        self._decoders: dict[str, Any] = {}

    def extended(self, registry: Registry, schema: Schema) -> Store:
        """Return the store of a model that also has what was defined at run time; both share what they prepare.

        Which columns a table has decides every statement here, and those of a table never change while a CRM runs.
        """
        made = copy(self)
        made._registry, made._schema = registry, schema
        return made

    def reading(self, visibility: Visibility, info: EntityInfo, verb: str, number: int) -> sa.Select[Any]:
        """Return the statement that reads *number* stored rows, locked against other writers for what *verb* does.

        Behind the row stand whether it is visible and whether *verb* is allowed on it.
        """
        table = self._schema.table(info)
        columns = [table.c[name] for field in info.fields.values() for name in column_names(field)]
        verdicts = visibility.predicate(info, table.c), visibility.predicate(info, table.c, verb)
        statement = sa.select(*columns, *verdicts).where(table.c.id.in_(id_parameters(number)))
        return locked(statement, table, self._dialect.name, "delete" if verb == "delete" else "change")

    def decoded(self, info: EntityInfo, rows: Sequence[tuple[Any, ...]]) -> dict[UUID, Stored]:
        """Return what :meth:`reading` found, by id."""
        decode = self._decoder(info)
        found = ((decode(row), bool(row[-2]), bool(row[-1])) for row in rows)
        return {values["id"]: (values, visible, allowed) for values, visible, allowed in found}

    def read_extensions(
        self, connection: Connection, info: EntityInfo, ids: Sequence[Any]
    ) -> dict[UUID, dict[str, Any]]:
        """Return the values of every extension of *info* by record, under their qualified names.

        Where nothing was ever written these are the defaults. ``plugin.`` is there if the plugin's side row is.
        """
        extensions = self._registry.extensions.get(info.id, {})
        fields = {f"{plugin}.{name}": f for plugin, e in extensions.items() for name, f in e.fields.items()}
        found = {id_: {name: field.default() for name, field in fields.items()} for id_ in ids}
        for plugin, extension in extensions.items():
            decode, read = self._decoder(extension), id_decoder(self._dialect.name)
            for batch in padded_batches([id_ for id_ in ids if isinstance(id_, UUID)]):
                for row in self._side_rows(extension, len(batch)).rows(connection, id_values(batch)):
                    values = found[read(row[-1])]
                    values |= {f"{plugin}.{name}": value for name, value in decode(row).items()}
                    values[f"{plugin}."] = True
        return found

    def _side_rows(self, extension: EntityInfo, number: int) -> Prepared:
        """Return what reads the side rows of *number* records, with the record's id behind the row."""
        prepared = self._reads.get((extension.table, number))
        if prepared is None:
            table = self._schema.table(extension)
            columns = [table.c[name] for field in extension.fields.values() for name in column_names(field)]
            wanted = sa.select(*columns, table.c.record_id).where(table.c.record_id.in_(id_parameters(number)))
            prepared = self._reads[(extension.table, number)] = Prepared(wanted, self._dialect)
        return prepared

    def _decoder(self, info: EntityInfo) -> Any:
        if info.table not in self._decoders:
            self._decoders[info.table] = make_row_decoder(info, self._dialect.name, self._schema.keys)
        return self._decoders[info.table]

    def insert(self, connection: Connection, info: EntityInfo, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert *rows* of values by field.

        Raises:
            ConflictError: a value that must be unique is taken.
        """
        prepared, encoder = self._insert_of(info)
        try:
            prepared.run_rows(connection, encoder.encode(rows))
        except IntegrityError as error:
            raise ConflictError(info.host or info.id) from error

    def _encoder(
        self, prepared: Prepared, info: EntityInfo, fields: Sequence[str], extra: Mapping[str, Column], key: str
    ) -> RowEncoder:
        return RowEncoder.make(prepared, info, fields, self._dialect.name, self._schema.keys, key, extra)

    def _insert_of(self, info: EntityInfo) -> tuple[Insert, RowEncoder]:
        found = self._inserts.get(info.table)
        if found is None:
            table = self._schema.table(info)
            key, extra = ("record_id", {"record_id": _ID}) if info.host else ("id", {})
            prepared = Insert(table, self._dialect)
            found = self._inserts[info.table] = prepared, self._encoder(prepared, info, list(info.fields), extra, key)
        return found

    def update(self, connection: Connection, info: EntityInfo, writes: Sequence[Write], now: datetime) -> None:
        """Write the changed fields of *writes*, all of one entity, and raise each record's version.

        Raises:
            StaleError: somebody else changed a record since it was read.
            ConflictError: a value that must be unique is taken.
        """
        groups: dict[tuple[str, ...], list[Write]] = {}
        for write in writes:
            own = tuple(sorted(name for name in write.values if name in info.fields))
            groups.setdefault(own, []).append(write)
        for names, group in groups.items():
            prepared, encoder = self._update_of(info, names)
            rows = encoder.encode([{**w.values, **_versioned(w, now)} for w in group])
            try:
                touched = prepared.run_rows(connection, rows)
            except IntegrityError as error:
                raise ConflictError(info.id) from error
            if touched != len(rows):
                raise StaleError(info.id, group[0].record_id, group[0].version or 0)

    def _update_of(self, info: EntityInfo, names: tuple[str, ...]) -> tuple[Prepared, RowEncoder]:
        found = self._updates.get((info.id, names))
        if found is None:
            table = self._schema.table(info)
            columns = [n for name in names for n in column_names(info.fields[name])]
            values: dict[str, Any] = {n: _parameter(table, n) for n in columns}
            values |= {
                "version": sa.bindparam("_new_version", type_=sa.Integer(), required=True),
                "updated_at": sa.bindparam("_updated_at", type_=Moment(), required=True),
            }
            statement = (
                sa.update(table)
                .values(values)
                .where(table.c.id == sa.bindparam("_row_id", type_=Id(), required=True))
                .where(table.c.version == sa.bindparam("_row_version", type_=sa.Integer(), required=True))
            )
            prepared = Prepared(statement, self._dialect)
            found = prepared, self._encoder(prepared, info, names, _VERSIONED, "_row_id")
            self._updates[(info.id, names)] = found
        return found

    def put_extensions(self, connection: Connection, info: EntityInfo, writes: Sequence[Write]) -> None:
        """Write what *writes* say of fields that plugins added to *info*: a new side row, or a change of one."""
        for plugin, extension in self._registry.extensions.get(info.id, {}).items():
            prefix = f"{plugin}."
            touched = [w for w in writes if any(name.startswith(prefix) for name in w.values)]
            fresh = [w for w in touched if prefix not in w.stored]
            if fresh:
                currency = self._registry.currency
                self.insert(connection, extension, [_side_row(w, plugin, extension, currency) for w in fresh])
            for write in touched:
                if prefix in write.stored:
                    self._update_side(connection, extension, plugin, write)

    def _update_side(self, connection: Connection, extension: EntityInfo, plugin: str, write: Write) -> None:
        values = _side_row(write, plugin, extension, self._registry.currency)
        names = tuple(extension.fields)
        found = self._updates.get((extension.table, names))
        if found is None:
            table = self._schema.table(extension)
            columns = [n for name in names for n in column_names(extension.fields[name])]
            statement = sa.update(table).values({n: _parameter(table, n) for n in columns})
            statement = statement.where(table.c.record_id == sa.bindparam("_row_id", type_=Id(), required=True))
            prepared = Prepared(statement, self._dialect)
            found = prepared, self._encoder(prepared, extension, names, {"_row_id": _ID}, "_row_id")
            self._updates[(extension.table, names)] = found
        prepared, encoder = found
        try:
            prepared.run_rows(connection, encoder.encode([{**values, "_row_id": write.record_id}]))
        except IntegrityError as error:
            raise ConflictError(write.entity.id) from error


_ID, _NUMBER, _MOMENT = Column("", "uuid"), Column("", "integer"), Column("", "datetime")
# No field's name begins like these.
_VERSIONED = {"_new_version": _NUMBER, "_updated_at": _MOMENT, "_row_id": _ID, "_row_version": _NUMBER}


def _versioned(write: Write, now: datetime) -> dict[str, Any]:
    version = write.version or 0
    return {"_updated_at": now, "_row_id": write.record_id, "_row_version": version, "_new_version": version + 1}


def _parameter(table: sa.Table, name: str) -> sa.BindParameter[Any]:
    return sa.bindparam(name, type_=table.c[name].type, required=True)


def _side_row(write: Write, plugin: str, extension: EntityInfo, currency: str) -> dict[str, Any]:
    row: dict[str, Any] = {"record_id": write.record_id}
    for name, field in extension.fields.items():
        qualified = f"{plugin}.{name}"
        if qualified in write.values or qualified in write.stored:
            row[name] = write.get(qualified)
        else:
            row[name] = field.default()
        if isinstance(field.type, MoneyType):
            row[f"{name}_base"] = _side_base(write, qualified, row[name], currency)
    return row


def _side_base(write: Write, name: str, money: Money | None, currency: str) -> int | None:
    """Return what *money* in the field *name* is worth in the company's *currency*."""
    if money is None:
        return None
    if f"{name}_base" in write.values or f"{name}_base" in write.stored:
        base: int | None = write.get(f"{name}_base")
        return base
    # A default that is written down with the other fields: nobody looked for its rate.
    return money.minor if money.currency == currency else None
