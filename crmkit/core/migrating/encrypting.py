"""Moving values into an encrypted field, or out of one, and indexing those that it has: parts of data steps."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from crmkit.core.encryption.kept import read_keys
from crmkit.core.entity import EntityInfo, FieldInfo
from crmkit.core.migrating.data_steps import Batch
from crmkit.core.migrating.errors import RevisionError
from crmkit.core.storage.columns import Id, sql_type
from crmkit.core.storage.sealing import opener_of, sealer_of, token_of
from crmkit.core.text import gettext as _

__all__ = ["decrypt_field", "encrypt_field", "index_field"]


def encrypt_field(batch: Batch, field: str) -> None:
    """Encrypt what the rows of *batch* have in the column of *field*, and empty it.

    What histories tell of earlier values stays as it is: the ledger is never rewritten.

    Raises:
        RevisionError: the table has no such column, or the entity no such field.
    """
    info, declared = _declared(batch, field)
    slot = declared.type.columns()[0]
    if batch.crm.storage.is_sqlite:
        # Else the values stay in the file until something is written over them.
        batch.connection.exec_driver_sql("PRAGMA secure_delete = ON")
    seal = sealer_of(batch.crm.schema.keys, info, declared)
    has_index = f"{field}_index" in batch.table.c
    token = token_of(batch.crm.schema.keys, info, declared) if has_index else None
    column = _column(batch, field)
    for id_, kept in _values(batch, column, sql_type(slot)):
        value = declared.type.join((kept,))
        made = {f"{field}_sealed": seal(value, id_), **({f"{field}_index": token(value)} if token else {})}
        _write(batch, id_, {**made, field: None})


def index_field(batch: Batch, field: str) -> None:
    """Fill the blind index that *field* got for the rows of *batch*.

    Raises:
        RevisionError: the table has no encrypted values of it, or no blind index.
        EncryptionKeyError, SealedValueError: a value cannot be decrypted.
    """
    info, declared = _declared(batch, field)
    open_, token = opener_of(batch.crm.schema.keys, info, declared), token_of(batch.crm.schema.keys, info, declared)
    for id_, kept in _values(batch, _column(batch, f"{field}_sealed"), sa.Text()):
        _write(batch, id_, {_column(batch, f"{field}_index").name: token(open_(kept, id_))})


def decrypt_field(batch: Batch, field: str) -> None:
    """Write into the column of *field* what the rows of *batch* hold of it encrypted, and empty that.

    Raises:
        RevisionError: the table has no encrypted values of it, or no column for them.
        EncryptionKeyError, SealedValueError: a value cannot be decrypted.
    """
    info, declared = _declared(batch, field)
    open_, slot = opener_of(batch.crm.schema.keys, info, declared), declared.type.columns()[0]
    sealed, has_index = _column(batch, f"{field}_sealed"), f"{field}_index" in batch.table.c
    for id_, kept in _values(batch, sealed, sa.Text()):
        (value,) = declared.type.split(open_(kept, id_))
        emptied = {f"{field}_sealed": None, **({f"{field}_index": None} if has_index else {})}
        _write(batch, id_, {**emptied, field: sa.literal(value, sql_type(slot))})


def _declared(batch: Batch, field: str) -> tuple[EntityInfo, FieldInfo]:
    """Return *field* as it is declared today; later revisions may have renamed it, or encrypted it the other way."""
    read_keys(batch.crm.model, batch.connection)
    info = next((info for info in batch.crm.registry.tables() if info.table == batch.table.name), None)
    for declared in info.fields.values() if info else ():
        if info and field in (declared.name, *declared.former):
            return info, declared
    raise RevisionError(f"{batch.table.name}.{field}", _("there is no such field"))


def _column(batch: Batch, name: str) -> sa.Column[Any]:
    if name not in batch.table.c:
        raise RevisionError(f"{batch.table.name}.{name}", _("there is no such column"))
    return batch.table.c[name]


def _values(batch: Batch, column: sa.Column[Any], kind: Any) -> list[Any]:
    """Return the ids and values of the rows of *batch* that have one."""
    (key,) = batch.table.primary_key.columns
    asked = sa.select(sa.type_coerce(key, Id()).label("id"), sa.type_coerce(column, kind).label("value"))
    return list(batch.connection.execute(asked.where(batch.rows, column.is_not(None))))


def _write(batch: Batch, id_: Any, values: dict[str, Any]) -> None:
    (key,) = batch.table.primary_key.columns
    mine = sa.type_coerce(key, Id()) == sa.literal(id_, Id())
    batch.connection.execute(sa.update(batch.table).where(mine).values(values))
