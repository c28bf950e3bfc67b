"""The types that a statement may use: SQLAlchemy's plain ones, with numbers as their parameters.

A type is more than a label: it can wrap values and columns in expressions, and casts render its name and parameters.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import NullType, TupleType

__all__ = ["is_listed_type"]

_TEXTS = frozenset([sa.String, sa.Text, sa.Unicode, sa.UnicodeText, sa.VARCHAR, sa.TEXT, sa.CHAR])
_ARRAYS = frozenset([sa.ARRAY, postgresql.ARRAY])
_NESTING = _ARRAYS | {TupleType}
_PLAIN = (int, bool, type(None))
_COLLATIONS = frozenset(["C", "POSIX", "ucs_basic", "und-x-icu", "BINARY", "NOCASE", "RTRIM"])
# By type the parameters that SQLAlchemy writes into the statement without looking at them.
_PARAMETERS: dict[type, tuple[str, ...]] = {
    **dict.fromkeys(
        [
            sa.Integer, sa.INTEGER, sa.SmallInteger, sa.SMALLINT, sa.BigInteger, sa.BIGINT, sa.Boolean, sa.BOOLEAN,
            sa.Date, sa.DATE, NullType, TupleType, sa.JSON, sa.JSON.JSONIndexType, sa.JSON.JSONIntIndexType,
            sa.JSON.JSONStrIndexType, sa.JSON.JSONPathType,
        ],
        (),
    ),
    **dict.fromkeys([sa.DateTime, sa.DATETIME, sa.TIMESTAMP, sa.Time, sa.TIME], ("timezone",)),
    **dict.fromkeys([*_TEXTS, sa.LargeBinary, sa.BLOB], ("length",)),
    **dict.fromkeys([sa.Numeric, sa.NUMERIC, sa.DECIMAL], ("precision", "scale")),
    **dict.fromkeys([sa.Float, sa.FLOAT, sa.Double, sa.DOUBLE, sa.DOUBLE_PRECISION, sa.REAL], ("precision",)),
    **dict.fromkeys([sa.Uuid, sa.UUID], ("native_uuid",)),
    **dict.fromkeys(_ARRAYS, ("dimensions",)),
    sa.Interval: ("second_precision", "day_precision"),
}  # fmt: skip


def is_listed_type(kind: Any) -> bool:
    """Return whether *kind* is a plain type with plain parameters, on every database and in everything inside it."""
    made = type(kind)
    parameters = _PARAMETERS.get(made)
    if parameters is None:
        return False
    for parameter in parameters:
        if type(getattr(kind, parameter)) not in _PLAIN:
            return False
    if made in _TEXTS and kind.collation is not None and not _is_listed_collation(kind):
        return False
    if kind._variant_mapping and not all(map(is_listed_type, kind._variant_mapping.values())):
        return False
    return made not in _NESTING or all(map(is_listed_type, _inside(kind)))


def _is_listed_collation(kind: Any) -> bool:
    return type(kind.collation) is str and kind.collation in _COLLATIONS and kind.collation_schema is None


def _inside(kind: Any) -> Iterable[Any]:
    return tuple(kind.types) if type(kind) is TupleType else (kind.item_type,)
