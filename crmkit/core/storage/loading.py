"""Rows into records: one generated function for each entity and set of readable fields.

A frozen attrs class checks nothing when it is filled through its slots, so a row costs about as much as the values
in it. Ids and moments that a page repeats are decoded once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from crmkit.core.encryption.keyring import Keyring
from crmkit.core.entity import CustomValues, EntityInfo, FieldInfo
from crmkit.core.entity.hiding import hidden_computed, set_hidden
from crmkit.core.fields import Column, FieldType, MoneyType
from crmkit.core.storage.codecs import id_decoder, slot_decoder
from crmkit.core.storage.custom import from_json
from crmkit.core.storage.sealing import opener_of

__all__ = ["Loader", "make_loader", "make_row_decoder", "slot_setter"]

# Kinds whose values recur in a page: owners, teams, companies, the time of an import.
_RECURRING = ("uuid", "datetime")


@attrs.frozen(eq=False)
class Loader:
    """Which columns to select, in order, and what turns rows that begin with them into records."""

    columns: tuple[str, ...]
    load: Callable[[Sequence[Sequence[Any]]], list[Any]]


def make_loader(info: EntityInfo, readable: frozenset[str], dialect: str, keys: Keyring) -> Loader:
    """Return the loader of *info* for those who may read the fields in *readable*; the others stay missing.

    Encrypted ones are opened with *keys*. The rows of an extension have the id of the record behind the columns.
    """
    prefix = f"{info.extends_as}." if info.extends_as else ""
    fields = [field for field in info.fields.values() if prefix + field.name in readable]
    names: dict[str, Any] = {"new": object.__new__, "cls": info.cls}
    body, columns = list[str](), list[str]()
    cells = _Cells(info, [column for field in fields for column in _selected(field)], dialect, keys)
    for place, field in enumerate(fields):
        names[f"set_{place}"] = slot_setter(info.cls, field.name)
        lines, value = cells.read(field, len(columns), names)
        if field.name == "custom":
            names["shown"] = _custom_values(info, readable)
            value = f"shown({value})"
        body += [*lines, f"set_{place}(record, {value})"]
        columns += _selected(field)
    if info.computed:
        names |= {"set_hidden": set_hidden, "hidden": hidden_computed(info.computed, readable, prefix)}
        body.append("set_hidden(record, hidden)")
    head = [
        "def load(rows):",
        "    known, records = {None: None}, []",
        "    for row in rows:",
        "        record = new(cls)",
    ]
    source = [*head, *(f"        {line}" for line in body), "        records.append(record)", "    return records"]
    exec("\n".join(source), names)
    return Loader(tuple(columns), names["load"])


def _custom_values(info: EntityInfo, readable: frozenset[str]) -> Callable[[Mapping[str, Any]], CustomValues]:
    """Return what makes of the JSON of ``custom`` what a record shows to those who may read *readable*."""
    entity, shown = info.id, [field for name, field in info.custom.items() if name in readable]
    if not shown:
        nothing = CustomValues(entity, {})
        return lambda _kept: nothing
    decoders = [(field.key, str(field.slot), from_json(field.type)) for field in shown]
    return lambda kept: CustomValues(entity, {key: decode(kept.get(slot)) for key, slot, decode in decoders})


def make_row_decoder(info: EntityInfo, dialect: str, keys: Keyring) -> Callable[[Sequence[Any]], dict[str, Any]]:
    """Return what turns a row of all columns of *info* into values by field; money also gives its base value.

    Encrypted ones are opened with *keys*. The rows of an extension have the id of the record behind the columns.
    """
    names: dict[str, Any] = {}
    body, cells, first = list[str](), list[str](), 0
    columns = [field.name + slot.suffix for field in info.fields.values() for slot in field.columns()]
    source = _Cells(info, columns, dialect, keys)
    for field in info.fields.values():
        lines, value = source.read(field, first, names)
        body += lines
        cells.append(f"{field.name!r}: {value}")
        first += len(field.columns())
        if isinstance(field.type, MoneyType):
            cells.append(f"'{field.name}_base': row[{first - 1}]")
    head = ["def decode(row):", "    known = {None: None}"]
    exec("\n".join([*head, *(f"    {line}" for line in body), f"    return {{{', '.join(cells)}}}"]), names)
    decode: Callable[[Sequence[Any]], dict[str, Any]] = names["decode"]
    return decode


def slot_setter(cls: type[Any], name: str) -> Any:
    """Return what writes the slot *name* of an instance of *cls*, past its being frozen."""
    for base in cls.__mro__:
        if name in vars(base):
            return vars(base)[name].__set__
    raise AttributeError(name)


def _selected(field: FieldInfo) -> list[str]:
    """Return the columns that the value of *field* is made of: not those that only find it."""
    return [field.name + slot.suffix for slot in field.columns() if slot.kind != "token"]


class _Cells:
    """How the cells of a row of *info* with *columns* become values."""

    def __init__(self, info: EntityInfo, columns: Sequence[str], dialect: str, keys: Keyring) -> None:
        self._info, self._dialect, self._keys = info, dialect, keys
        self._id_at = columns.index("id") if info.host is None else len(columns)

    def read(self, field: FieldInfo, first: int, names: dict[str, Any]) -> tuple[list[str], str]:
        """Return the lines that prepare the cells of *field* from *first* on, and the expression of its value."""
        return self._opened(field, first, names) if field.encrypted else _read(field, first, self._dialect, names)

    def _opened(self, field: FieldInfo, first: int, names: dict[str, Any]) -> tuple[list[str], str]:
        names[f"open_{first}"] = opener_of(self._keys, self._info, field)
        names["id_of"] = id_decoder(self._dialect)
        return [], f"None if row[{first}] is None else open_{first}(row[{first}], id_of(row[{self._id_at}]))"


def _read(field: FieldInfo, first: int, dialect: str, names: dict[str, Any]) -> tuple[list[str], str]:
    """Return the lines that prepare the cells of *field*, and the expression of its value."""
    slots = field.type.columns()
    lines, cells = list[str](), list[str]()
    for place, slot in enumerate(slots, first):
        prepared, cell = _cell(slot, place, dialect, names)
        lines += prepared
        cells.append(cell)
    if len(slots) == 1 and type(field.type).join is FieldType.join:
        return lines, cells[0]
    names[f"join_{first}"] = field.type.join
    return lines, f"join_{first}(({', '.join(cells)},))"


def _cell(slot: Column, place: int, dialect: str, names: dict[str, Any]) -> tuple[list[str], str]:
    decode = slot_decoder(slot, dialect)
    if decode is None:
        return [], f"row[{place}]"
    names[f"decode_{place}"] = decode
    if slot.kind not in _RECURRING:
        return [], f"None if row[{place}] is None else decode_{place}(row[{place}])"
    lines = [
        f"cell_{place} = row[{place}]",
        f"if cell_{place} not in known: known[cell_{place}] = decode_{place}(cell_{place})",
    ]
    return lines, f"known[cell_{place}]"
