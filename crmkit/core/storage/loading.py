"""Rows into records: one generated function for each entity and set of readable fields.

A frozen attrs class checks nothing when it is filled through its slots, so a row costs about as much as the values
in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import attrs
import msgspec

from crmkit.core.entity import EntityInfo, FieldInfo
from crmkit.core.fields import Column, FieldType, MoneyType
from crmkit.core.storage.columns import uuid_from_bytes

__all__ = ["Loader", "make_loader", "make_row_decoder", "slot_decoder", "slot_setter"]

Decoder = Callable[[Any], Any]


@attrs.frozen(eq=False)
class Loader:
    """Which columns to select, in order, and what turns such a row into a record."""

    columns: tuple[str, ...]
    load: Callable[[Sequence[Any]], Any]


def make_loader(info: EntityInfo, readable: frozenset[str], dialect: str) -> Loader:
    """Return the loader of *info* for those who may read the fields in *readable*; the others stay missing."""
    prefix = f"{info.extends_as}." if info.extends_as else ""
    fields = [field for field in info.fields.values() if prefix + field.name in readable]
    names: dict[str, Any] = {"new": object.__new__, "cls": info.cls}
    lines, columns = ["def load(row):", "    record = new(cls)"], list[str]()
    for place, field in enumerate(fields):
        names[f"set_{place}"] = slot_setter(info.cls, field.name)
        lines.append(f"    set_{place}(record, {_expression(field, len(columns), dialect, names)})")
        columns += [field.name + slot.suffix for slot in field.type.columns()]
    lines.append("    return record")
    exec("\n".join(lines), names)
    return Loader(tuple(columns), names["load"])


def make_row_decoder(info: EntityInfo, dialect: str) -> Callable[[Sequence[Any]], dict[str, Any]]:
    """Return what turns a row of all columns of *info* into values by field; money also gives its base value."""
    names: dict[str, Any] = {}
    cells, first = list[str](), 0
    for field in info.fields.values():
        cells.append(f"{field.name!r}: {_expression(field, first, dialect, names)}")
        first += len(field.type.columns())
        if isinstance(field.type, MoneyType):
            cells.append(f"'{field.name}_base': row[{first - 1}]")
    exec(f"def decode(row): return {{{', '.join(cells)}}}", names)
    decode: Callable[[Sequence[Any]], dict[str, Any]] = names["decode"]
    return decode


def slot_setter(cls: type[Any], name: str) -> Any:
    """Return what writes the slot *name* of an instance of *cls*, past its being frozen."""
    for base in cls.__mro__:
        if name in vars(base):
            return vars(base)[name].__set__
    raise AttributeError(name)


def _expression(field: FieldInfo, first: int, dialect: str, names: dict[str, Any]) -> str:
    """Return the Python expression that reads *field* out of ``row``."""
    slots = field.type.columns()
    cells = [_cell(slot, first + n, dialect, names) for n, slot in enumerate(slots)]
    if len(slots) == 1 and type(field.type).join is FieldType.join:
        return cells[0]
    names[f"join_{first}"] = field.type.join
    return f"join_{first}(({', '.join(cells)},))"


def _cell(slot: Column, place: int, dialect: str, names: dict[str, Any]) -> str:
    decode = slot_decoder(slot, dialect)
    if decode is None:
        return f"row[{place}]"
    names[f"decode_{place}"] = decode
    return f"None if row[{place}] is None else decode_{place}(row[{place}])"


def slot_decoder(slot: Column, dialect: str) -> Decoder | None:
    """Return what turns the driver's value of *slot* into ours; ``None`` where it already is."""
    if slot.kind == "scaled":
        return _scaled(slot.scale)
    return _SQLITE.get(slot.kind) if dialect == "sqlite" else None


def _scaled(scale: int) -> Decoder:
    return lambda value: Decimal(value).scaleb(-scale)


_SQLITE: Mapping[str, Decoder] = {
    "uuid": uuid_from_bytes,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "boolean": bool,
    "json": msgspec.json.decode,
}
