"""Custom fields in the database: how a value stands in the JSON column ``custom``, and the SQL that reads it there.

Each field has a slot, the key under which its values are kept. The slot is written into the SQL as a literal, here and
nowhere else: databases use an index on an expression only for exactly that expression. What the expressions give is
what a column of its own would give to the driver, so that everything behind them is the same for both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from crmkit.core.fields import Column, FieldType, Kind
from crmkit.core.rules.portable import Portable
from crmkit.core.storage.codecs import slot_decoder, slot_encoder
from crmkit.core.storage.columns import sql_type

__all__ = ["column_in", "custom_value", "from_json", "is_there", "to_json"]

_SLOT = re.compile(r"[a-z][a-z0-9_]{0,60}\Z")
_Codec = Callable[[Any], Any]


class _Kept(Portable):
    sqlite = "json_extract({0}, '$.{1}')"


class _Text(_Kept):
    postgresql = "(({0} ->> '{1}') COLLATE \"C\")"


class _Number(_Kept):
    postgresql = "CAST({0} ->> '{1}' AS BIGINT)"


class _Truth(_Kept):
    postgresql = "CAST({0} ->> '{1}' AS BOOLEAN)"


class _Day(_Kept):
    postgresql = "crm_day({0} ->> '{1}')"


class _Moment(_Kept):
    postgresql = "crm_moment({0} ->> '{1}')"


class _Id(Portable):
    sqlite = "crm_id(json_extract({0}, '$.{1}'))"
    postgresql = "CAST({0} ->> '{1}' AS UUID)"


class _IsThere(Portable):
    """SQLite does not begin an index at what is not null; no value is below minus infinity, of whatever kind it is."""

    # Of a truth SQLAlchemy would ask whether it is 1, and no index answers that.
    type = sa.types.NULLTYPE
    sqlite = "({0} >= -9e999)"
    postgresql = "({0} IS NOT NULL)"


_EXPRESSIONS: Mapping[Kind, type[Portable]] = {
    "text": _Text,
    "integer": _Number,
    "scaled": _Number,
    "boolean": _Truth,
    "date": _Day,
    "datetime": _Moment,
    "uuid": _Id,
}


def custom_value(column: ColumnElement[Any], slot: str, kind: Column) -> ColumnElement[Any]:
    """Return what the JSON in *column* has in *slot*, as a column like *kind* would have it."""
    if not _SLOT.match(slot):
        raise ValueError(slot)
    found = _EXPRESSIONS[kind.kind](column, sa.literal_column(slot))
    return sa.type_coerce(found, sql_type(kind))


def is_there(value: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return whether *value* is not null, such that an index on what is read out of JSON begins there."""
    read = isinstance(value, sa.TypeCoerce) and isinstance(value.clause, tuple(_EXPRESSIONS.values()))
    return _IsThere(value) if read else value.is_not(None)


def column_in(columns: Any, name: str, kind: Column) -> ColumnElement[Any]:
    """Return the column *name* among *columns*; of ``custom.size`` what the slot ``size`` holds."""
    _custom, dot, slot = name.partition(".")
    found: ColumnElement[Any] = custom_value(columns["custom"], slot, kind) if dot else columns[name]
    return found


def to_json(type: FieldType) -> _Codec:
    """Return what turns a value of *type* into what JSON keeps: numbers as integers, days and moments as ISO text."""
    kind = type.columns()[-1]
    encode = _id_text if kind.kind == "uuid" else slot_encoder(kind, "sqlite") or _same
    return lambda value: None if value is None else encode(type.split(value)[-1])


def from_json(type: FieldType) -> _Codec:
    """Return what turns what :func:`to_json` gave back into the value."""
    kind = type.columns()[-1]
    decode = UUID if kind.kind == "uuid" else slot_decoder(kind, "sqlite") or _same
    return lambda kept: None if kept is None else type.join((decode(kept),))


def _id_text(value: UUID) -> str:
    return str(value)


def _same(value: Any) -> Any:
    return value
