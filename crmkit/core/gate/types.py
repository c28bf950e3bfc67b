"""The types that a statement may use: SQLAlchemy's plain ones, with numbers as their parameters.

A type is more than a label: it can wrap values and columns in expressions, and casts render its name and parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import NullType, TupleType
from sqlalchemy.util import get_cls_kwargs, memoized_property

__all__ = ["foreign_types"]

_TEXTS = frozenset([sa.String, sa.Text, sa.Unicode, sa.UnicodeText, sa.VARCHAR, sa.TEXT, sa.CHAR])
_ARRAYS = frozenset([sa.ARRAY, postgresql.ARRAY])
_NESTING = _ARRAYS | {TupleType, sa.Interval}
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


_ALWAYS = frozenset(["_variant_mapping", "_fully_typed", "dispatch", "impl", "native_uuid", "scale", "types"])


def _attributes(made: type) -> frozenset[str]:
    """Return what an instance of *made* may hold: what its constructor takes, and what is computed from that."""
    memos = {
        name for base in made.__mro__ for name, value in vars(base).items() if isinstance(value, memoized_property)
    }
    return _ALWAYS | memos | get_cls_kwargs(made)


_KNOWN = {made: _attributes(made) for made in _PARAMETERS}


def foreign_types(kind: Any) -> tuple[Any, ...]:
    """Return which types in *kind*, itself or inside it, are not plain SQLAlchemy types with plain parameters."""
    made = type(kind)
    parameters = _PARAMETERS.get(made)
    if parameters is None or not kind.__dict__.keys() <= _KNOWN[made]:
        return (kind,)
    for parameter in parameters:
        if type(getattr(kind, parameter)) not in _PLAIN:
            return (kind,)
    if made in _TEXTS and kind.collation is not None and not _is_listed_collation(kind):
        return (kind,)
    if made in _NESTING or kind._variant_mapping:
        return tuple(foreign for inner in _inside(kind) for foreign in foreign_types(inner))
    return ()


def _is_listed_collation(kind: Any) -> bool:
    return type(kind.collation) is str and kind.collation in _COLLATIONS and kind.collation_schema is None


def _inside(kind: Any) -> Iterator[Any]:
    yield from kind._variant_mapping.values()
    state = vars(kind)
    yield from tuple(state.get("types", ()))
    for attribute in ("item_type", "impl", "impl_instance"):
        if attribute in state:
            yield state[attribute]
