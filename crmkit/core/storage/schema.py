"""The tables of one CRM: a MetaData built from its registry, with the indexes that the registry knows are needed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from types import MappingProxyType
from typing import Any

import attrs
import sqlalchemy as sa

from crmkit.core.encryption.keyring import Keyring
from crmkit.core.encryption.masters import MasterKeys
from crmkit.core.entity import EntityInfo, FieldInfo
from crmkit.core.fields import AnyReference, Column as Slot, MoneyType, Reference
from crmkit.core.registry import Registry
from crmkit.core.side_doors import own_step
from crmkit.core.storage.columns import Id, sql_type
from crmkit.core.storage.sealing import Token, place_of
from crmkit.core.storage.system_tables import SystemTables

__all__ = ["CONSTRAINT_NAMES", "Schema"]

CONSTRAINT_NAMES = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}
_NAME_LIMIT = 60
# Fields whose column may be empty although the annotation promises a value: crmkit fills them.
_EMPTY_UNTIL_STORED = {"deleted_at", "created_by"}


@attrs.frozen(eq=False)
class Schema:
    """The MetaData of one CRM: a table for each entity and extension, and the system tables."""

    metadata: sa.MetaData
    tables: dict[str, sa.Table]
    system: SystemTables
    _keys: Keyring
    _aliases: dict[str, sa.FromClause] = attrs.field(factory=dict, init=False)

    @classmethod
    def build(cls, registry: Registry, masters: MasterKeys) -> Schema:
        """Return the tables of *registry*; each carries its plugin in ``table.info["owner"]``."""
        metadata = sa.MetaData(naming_convention=CONSTRAINT_NAMES)
        keys = Keyring(masters)
        tables = {info.table: _table(metadata, info, registry, keys) for info in registry.tables()}
        return cls(metadata, tables, SystemTables.build(metadata), keys)

    @property
    @own_step
    def keys(self) -> Keyring:
        """The keys of the database for encrypted fields, for crmkit's own steps.

        Raises:
            SideDoorError: who asks is not crmkit.
        """
        return self._keys

    def extended(self, registry: Registry) -> Schema:
        """Return the schema that also has the tables of the entities of *registry* that were made at run time.

        All other tables are the same. The new ones are in no :attr:`metadata`, which is what plugins declare.
        """
        new = [info for info in registry.tables() if info.table not in self.tables]
        if not new:
            return self
        apart = sa.MetaData(naming_convention=CONSTRAINT_NAMES)
        made = dict(self.tables)
        for info in new:
            made[info.table] = _table(apart, info, registry, self._keys, self.tables)
        return Schema(self.metadata, made, self.system, self._keys)

    def sibling(self) -> Schema:
        """Return the same tables in another database, which has keys of its own."""
        made = copy(self)
        object.__setattr__(made, "_keys", Keyring(self._keys.masters))
        return made

    def table(self, info: EntityInfo) -> sa.Table:
        """Return the table of an entity or extension."""
        return self.tables[info.table]

    def alias(self, info: EntityInfo) -> sa.FromClause:
        """Return the table under another name, for a sub-select; always the same, because making one is slow.

        It never stands within itself: visibility does not lead back to the entity where it began.
        """
        found = self._aliases.get(info.table)
        if found is None:
            found = self._aliases[info.table] = self.tables[info.table].alias()
        return found


def column_names(field: FieldInfo) -> list[str]:
    """Return the names of the columns that keep *field*; ``custom.<slot>`` of one made at run time."""
    if field.slot is not None:
        return [f"custom.{field.slot}"]
    return [field.name + slot.suffix for slot in field.columns()]


def filter_column(field: FieldInfo) -> str:
    """Return the name of the column by which *field* is filtered and sorted: of money, its base value."""
    return f"{field.name}_base" if isinstance(field.type, MoneyType) else column_names(field)[-1]


def _key_columns(field: FieldInfo) -> list[str]:
    """Return the columns that are equal exactly where values of *field* are."""
    return [filter_column(field)] if field.encrypted else column_names(field)


def _table(
    metadata: sa.MetaData,
    info: EntityInfo,
    registry: Registry,
    keyring: Keyring,
    elsewhere: Mapping[str, sa.Table] = MappingProxyType({}),
) -> sa.Table:
    """Return the table of *info* in *metadata*; it may refer to tables that stand *elsewhere*."""
    key = list(_extension_key(info, registry)) if info.host else []
    context = (info, registry, keyring, elsewhere)
    columns = [column for field in info.fields.values() for column in _columns(field, *context)]
    table = sa.Table(info.table, metadata, *key, *columns, info={"owner": info.plugin, "entity": info.id})
    for name, unique, keys in _indexes(info):
        alive = None if info.host else table.c.deleted_at.is_(None)
        where: dict[str, Any] = {} if alive is None else {"sqlite_where": alive, "postgresql_where": alive}
        sa.Index(index_name(name, info.table, keys), *[table.c[k] for k in keys], unique=unique, **where)
    return table


def _extension_key(info: EntityInfo, registry: Registry) -> Iterator[sa.Column[Any]]:
    host = registry.entities[str(info.host)]
    yield sa.Column("record_id", Id(), sa.ForeignKey(f"{host.table}.id"), primary_key=True)


def _columns(
    field: FieldInfo, info: EntityInfo, registry: Registry, keys: Keyring, elsewhere: Mapping[str, sa.Table]
) -> Iterator[sa.Column[Any]]:
    for slot in field.columns():
        yield sa.Column(
            field.name + slot.suffix,
            Token(keys, place_of(info, field), slot.length) if slot.kind == "token" else sql_type(slot),
            *_foreign_key(field, registry, elsewhere),
            primary_key=field.name == "id",
            nullable=field.nullable or field.encrypted or field.name in _EMPTY_UNTIL_STORED,
            info={"owner": field.owner, "field": field.name},
        )


def _foreign_key(field: FieldInfo, registry: Registry, elsewhere: Mapping[str, sa.Table]) -> Iterator[sa.ForeignKey]:
    if isinstance(field.type, Reference):
        table = registry.entities[field.type.entity].table
        yield sa.ForeignKey(elsewhere[table].c.id if table in elsewhere else f"{table}.id")


def _indexes(info: EntityInfo) -> Iterator[tuple[str, bool, Sequence[str]]]:
    """Yield ``(prefix, unique, columns)``: scopes first, so that every list pages behind its scope."""
    for field in info.fields.values():
        if field.unique or info.number is field:
            yield "uq", True, _key_columns(field)
    for group in info.unique:
        yield "uq", True, [name for field in group for name in _key_columns(info.fields[field])]
    for group in info.indexes:
        yield "ix", False, [*(filter_column(info.fields[field]) for field in group), "id"]
    if info.host:
        found = [field for field in info.fields.values() if field.indexed or field.blind_index]
        yield from (("ix", False, [filter_column(field), "record_id"]) for field in found)
        return
    scopes: tuple[tuple[str, ...], ...] = (("owner_id",), ("team_id",)) if info.owned else ()
    yield from (("ix", False, [*scope, "id"]) for scope in scopes)
    for field in info.fields.values():
        if field.indexed and isinstance(field.type, AnyReference):
            yield "ix", False, [f"{field.name}_id", "id"]
        elif field.indexed and isinstance(field.type, Reference):
            yield "ix", False, [field.name, "id"]
        elif field.indexed or field.blind_index:
            yield from (("ix", False, [*scope, filter_column(field), "id"]) for scope in ((), *scopes))
    if info.pipelined:
        yield from _board_indexes(info, scopes)


def _board_indexes(info: EntityInfo, scopes: Sequence[Sequence[str]]) -> Iterator[tuple[str, bool, Sequence[str]]]:
    """Cover funnels and boards: scope, stage, the first sum of money, and the owner that tells branches apart."""
    money = [filter_column(f) for f in info.fields.values() if isinstance(f.type, MoneyType)][:1]
    for scope in ((), *scopes):
        yield "ix", False, [*scope, "stage", *money, *(["owner_id"] if scope == ("team_id",) else [])]


def index_name(prefix: str, table: str, keys: Sequence[str]) -> str:
    name = "_".join((prefix, table, *keys))
    if len(name) <= _NAME_LIMIT:
        return name
    return f"{name[: _NAME_LIMIT - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def slots(info: EntityInfo) -> Iterator[tuple[FieldInfo, Slot, str]]:
    """Yield ``(field, slot, column name)`` of every column of *info*, in the order of the table."""
    for field in info.fields.values():
        for slot in field.columns():
            yield field, slot, field.name + slot.suffix
