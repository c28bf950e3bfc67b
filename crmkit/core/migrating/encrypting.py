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
    """Encrypt what the rows of *batch* have in the column of *field*, which is declared as encrypted now, and empty it.

    What histories tell of earlier values stays as it is: the ledger is never rewritten.

    Raises:
        RevisionError: the table has no such column, or the field is not declared as encrypted.
    """
    info, declared = _declared(batch, field, encrypted=True)
    slot = declared.type.columns()[0]
    if batch.crm.storage.is_sqlite:
        # Else the values stay in the file until something is written over them.
        batch.connection.exec_driver_sql("PRAGMA secure_delete = ON")
    seal = sealer_of(batch.crm.schema.keys, info, declared)
    token = token_of(batch.crm.schema.keys, info, declared) if declared.blind_index else None
    column = _column(batch, field)
    for id_, kept in _values(batch, column, sql_type(slot)):
        value = declared.type.join((kept,))
        made = {f"{field}_sealed": seal(value, id_), **({f"{field}_index": token(value)} if token else {})}
        _write(batch, id_, {**made, field: None})


def index_field(batch: Batch, field: str) -> None:
    """Fill the blind index that *field* got for the rows of *batch*.

    Raises:
        RevisionError: the table has no encrypted values of it, or the field has no blind index.
        EncryptionKeyError, SealedValueError: a value cannot be decrypted.
    """
    info, declared = _declared(batch, field, encrypted=True)
    open_, token = opener_of(batch.crm.schema.keys, info, declared), token_of(batch.crm.schema.keys, info, declared)
    for id_, kept in _values(batch, _column(batch, f"{field}_sealed"), sa.Text()):
        _write(batch, id_, {_column(batch, f"{field}_index").name: token(open_(kept, id_))})


def decrypt_field(batch: Batch, field: str) -> None:
    """Write into the column of *field*, which is encrypted no more, what it holds encrypted in the rows of *batch*.

    Raises:
        RevisionError: the table has no encrypted values of it, or the field is still declared as encrypted.
        EncryptionKeyError, SealedValueError: a value cannot be decrypted.
    """
    info, declared = _declared(batch, field, encrypted=False)
    open_, slot = opener_of(batch.crm.schema.keys, info, declared), declared.type.columns()[0]
    sealed, has_index = _column(batch, f"{field}_sealed"), f"{field}_index" in batch.table.c
    for id_, kept in _values(batch, sealed, sa.Text()):
        (value,) = declared.type.split(open_(kept, id_))
        emptied = {f"{field}_sealed": None, **({f"{field}_index": None} if has_index else {})}
        _write(batch, id_, {**emptied, field: sa.literal(value, sql_type(slot))})


def _declared(batch: Batch, field: str, *, encrypted: bool) -> tuple[EntityInfo, FieldInfo]:
    read_keys(batch.crm.model, batch.connection)
    info = next((info for info in batch.crm.registry.tables() if info.table == batch.table.name), None)
    declared = None if info is None else info.fields.get(field)
    if info is None or declared is None or declared.encrypted is not encrypted:
        message = _("is declared otherwise: encrypt_field is for what is encrypted now, decrypt_field for what was")
        raise RevisionError(f"{batch.table.name}.{field}", message)
    return info, declared


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
