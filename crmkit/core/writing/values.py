"""Values between records and rows: what a record says at creation, and the row that a set of values becomes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import attrs

from crmkit.core.encryption.keyring import Keyring
from crmkit.core.entity import SYSTEM_FIELDS, CustomValues, EntityInfo, FieldInfo, Record, entity_info
from crmkit.core.entity.hiding import hidden_computed, set_hidden
from crmkit.core.fields import Column, FieldType, MoneyType
from crmkit.core.storage.codecs import slot_encoder
from crmkit.core.storage.loading import slot_setter
from crmkit.core.storage.prepared import Prepared
from crmkit.core.storage.sealing import sealer_of, token_of

__all__ = ["RowEncoder", "initial_values", "record_from_values"]

# How many classes, and ways to read one, are kept: those of CRMs that are gone make room.
_KEPT = 4096


def initial_values(record: Record) -> dict[str, Any]:
    """Return the values with which *record* was constructed."""
    cls: Any = type(record)
    return _extractor(cls)(record)


@lru_cache(maxsize=_KEPT)
def _extractor(cls: type[Any]) -> Callable[[Any], dict[str, Any]]:
    info = entity_info(cls)
    names = [f.name for f in info.fields.values() if f.init and f.name not in SYSTEM_FIELDS]
    body = ", ".join(f"{name!r}: record.{name}" for name in names)
    namespace: dict[str, Any] = {}
    exec(f"def extract(record): return {{{body}}}", namespace)
    extract: Callable[[Any], dict[str, Any]] = namespace["extract"]
    return extract


def record_from_values(info: EntityInfo, readable: frozenset[str], values: Mapping[str, Any]) -> Any:
    """Return the record that *values* describe, with the fields in *readable*; the others stay missing."""
    return _maker(info, readable)(values)


@lru_cache(maxsize=_KEPT)
def _maker(info: EntityInfo, readable: frozenset[str]) -> Callable[[Mapping[str, Any]], Any]:
    names: dict[str, Any] = {"new": object.__new__, "cls": info.cls}
    lines = ["def make(values):", "    record = new(cls)", "    get = values.get"]
    for place, name in enumerate(n for n in info.fields if n in readable):
        names[f"set_{place}"] = slot_setter(info.cls, name)
        value = f"get({name!r})"
        if name == "custom":
            shown = ", ".join(f"{f.key!r}: get({f.name!r})" for f in info.custom.values() if f.name in readable)
            names["custom_values"], value = CustomValues, f"custom_values({info.id!r}, {{{shown}}})"
        lines.append(f"    set_{place}(record, {value})")
    if info.computed:
        names |= {"set_hidden": set_hidden, "hidden": hidden_computed(info.computed, readable)}
        lines.append("    set_hidden(record, hidden)")
    lines.append("    return record")
    exec("\n".join(lines), names)
    make: Callable[[Mapping[str, Any]], Any] = names["make"]
    return make


@attrs.frozen(eq=False)
class RowEncoder:
    """Turns values by field into the positional rows that a prepared INSERT or UPDATE takes."""

    encode: Callable[[Iterable[Mapping[str, Any]]], list[tuple[Any, ...]]]

    @classmethod
    def make(
        cls,
        prepared: Prepared,
        info: EntityInfo,
        fields: Sequence[str],
        dialect: str,
        keys: Keyring,
        key: str,
        extra: Mapping[str, Column] = MappingProxyType({}),
    ) -> RowEncoder:
        """Return the encoder for *prepared*, whose parameters are columns of *fields* and the values *extra*.

        Money brings its base value under ``<field>_base`` in the values, the id of the record stands there as *key*.
        Encrypted values are sealed with *keys*.
        """
        source = _Source(dialect)
        cells = {name: source.cell(slot, f"values[{name!r}]") for name, slot in extra.items()}
        for field in fields:
            declared = info.fields[field]
            cells |= source.sealed(info, declared, keys, key) if declared.encrypted else source.cells(declared)
        return cls(source.function([cells[name] for name in prepared.names]))


class _Source:
    """The source of a generated encoder: one pass over the records, each moment that recurs encoded once."""

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect
        self._names: dict[str, Any] = {}
        self._before: list[str] = []
        self._lines: list[str] = []

    def function(self, cells: Sequence[str]) -> Callable[[Iterable[Mapping[str, Any]]], list[tuple[Any, ...]]]:
        head = [
            "def encode(records):",
            "    rows = []",
            *self._before,
            "    for values in records:",
            "        get = values.get",
        ]
        tail = [f"        rows.append(({', '.join(cells)},))", "    return rows"]
        exec("\n".join([*head, *self._lines, *tail]), self._names)
        encode: Callable[[Iterable[Mapping[str, Any]]], list[tuple[Any, ...]]] = self._names["encode"]
        return encode

    def cells(self, field: FieldInfo) -> dict[str, str]:
        """Return the expression of each column of *field*."""
        slots = field.type.columns()
        columns = [field.name + slot.suffix for slot in slots]
        if len(columns) == 1 and type(field.type).split is FieldType.split:
            return {columns[0]: self.cell(slots[0], f"get({field.name!r})")}
        split = f"split_{len(self._names)}"
        self._names[split] = field.type.split
        self._lines.append(f"        parts_{split} = {split}(get({field.name!r}))")
        parts = [f"parts_{split}[{n}]" for n in range(len(columns))]
        if isinstance(field.type, MoneyType):
            parts[-1] = f"get({columns[-1]!r})"
        return {name: self.cell(slot, part) for name, slot, part in zip(columns, slots, parts, strict=True)}

    def sealed(self, info: EntityInfo, field: FieldInfo, keys: Keyring, key: str) -> dict[str, str]:
        """Return the expression of each column of the encrypted *field*."""
        number = len(self._names)
        names = {f"seal_{number}": sealer_of(keys, info, field), f"token_{number}": token_of(keys, info, field)}
        self._names |= names
        self._lines.append(f"        cell_{number} = get({field.name!r})")
        made = (f"seal_{number}(cell_{number}, values[{key!r}])", f"token_{number}(cell_{number})")
        return {
            field.name + slot.suffix: f"None if cell_{number} is None else {expression}"
            for slot, expression in zip(field.columns(), made, strict=False)
        }

    def cell(self, slot: Column, value: str) -> str:
        """Return the expression of *value* as the driver takes it."""
        encode = slot_encoder(slot, self._dialect)
        if encode is None:
            return value
        number = len(self._names)
        self._names[f"encode_{number}"] = encode
        self._lines.append(f"        cell_{number} = {value}")
        if slot.kind != "datetime":
            return f"None if cell_{number} is None else encode_{number}(cell_{number})"
        self._before.append(f"    last_{number} = text_{number} = None")
        self._lines.append(f"        if cell_{number} is not last_{number}:")
        encoded = f"None if cell_{number} is None else encode_{number}(cell_{number})"
        self._lines.append(f"            last_{number}, text_{number} = cell_{number}, {encoded}")
        return f"text_{number}"
