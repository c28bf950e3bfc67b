"""Values between records and rows: what a record says at creation, and the row that a set of values becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from crmkit.core.entity import SYSTEM_FIELDS, EntityInfo, FieldInfo, Record, entity_info
from crmkit.core.fields import FieldType, MoneyType
from crmkit.core.storage.loading import slot_setter
from crmkit.core.storage.prepared import Prepared

__all__ = ["RowEncoder", "initial_values", "record_from_values"]

_extractors: dict[type[Any], Callable[[Any], dict[str, Any]]] = {}
_makers: dict[tuple[type[Any], frozenset[str]], Callable[[Mapping[str, Any]], Any]] = {}


def initial_values(record: Record) -> dict[str, Any]:
    """Return the values with which *record* was constructed."""
    cls = type(record)
    extract = _extractors.get(cls)
    if extract is None:
        extract = _extractors[cls] = _make_extractor(entity_info(cls))
    return extract(record)


def _make_extractor(info: EntityInfo) -> Callable[[Any], dict[str, Any]]:
    names = [f.name for f in info.fields.values() if f.init and f.name not in SYSTEM_FIELDS]
    body = ", ".join(f"{name!r}: record.{name}" for name in names)
    namespace: dict[str, Any] = {}
    exec(f"def extract(record): return {{{body}}}", namespace)
    extract: Callable[[Any], dict[str, Any]] = namespace["extract"]
    return extract


def record_from_values(info: EntityInfo, readable: frozenset[str], values: Mapping[str, Any]) -> Any:
    """Return the record that *values* describe, with the fields in *readable*; the others stay missing."""
    key = (info.cls, readable)
    make = _makers.get(key)
    if make is None:
        make = _makers[key] = _make_maker(info, readable)
    return make(values)


def _make_maker(info: EntityInfo, readable: frozenset[str]) -> Callable[[Mapping[str, Any]], Any]:
    names: dict[str, Any] = {"new": object.__new__, "cls": info.cls}
    lines = ["def make(values):", "    record = new(cls)", "    get = values.get"]
    for place, name in enumerate(n for n in info.fields if n in readable):
        names[f"set_{place}"] = slot_setter(info.cls, name)
        lines.append(f"    set_{place}(record, get({name!r}))")
    lines.append("    return record")
    exec("\n".join(lines), names)
    make: Callable[[Mapping[str, Any]], Any] = names["make"]
    return make


@attrs.frozen(eq=False)
class RowEncoder:
    """Turns values by field into the positional row that a prepared INSERT or UPDATE takes."""

    encode: Callable[[Mapping[str, Any]], tuple[Any, ...]]

    @classmethod
    def make(cls, prepared: Prepared, info: EntityInfo, fields: Sequence[str], extra: Sequence[str] = ()) -> RowEncoder:
        """Return the encoder for *prepared*, whose parameters are columns of *fields* and the values *extra*.

        Money brings its base value under ``<field>_base`` in the values.
        """
        names: dict[str, Any] = {}
        lines = ["def encode(values):", "    get = values.get"]
        cells = {name: _encoded(prepared, name, f"values[{name!r}]", names) for name in extra}
        for place, field in enumerate(fields):
            cells |= _cells(info.fields[field], place, prepared, names, lines)
        ordered = [cells[name] for name in prepared.names]
        lines.append(f"    return ({', '.join(ordered)},)")
        exec("\n".join(lines), names)
        return cls(names["encode"])


def _cells(field: FieldInfo, place: int, prepared: Prepared, names: dict[str, Any], lines: list[str]) -> dict[str, str]:
    """Return the expression of each column of *field*; what several share goes into *lines*."""
    columns = [field.name + slot.suffix for slot in field.type.columns()]
    if len(columns) == 1 and type(field.type).split is FieldType.split:
        return {columns[0]: _encoded(prepared, columns[0], f"get({field.name!r})", names)}
    names[f"split_{place}"] = field.type.split
    lines.append(f"    parts_{place} = split_{place}(get({field.name!r}))")
    parts = [f"parts_{place}[{n}]" for n in range(len(columns))]
    if isinstance(field.type, MoneyType):
        parts[-1] = f"get({columns[-1]!r})"
    return {column: _encoded(prepared, column, part, names) for column, part in zip(columns, parts, strict=True)}


def _encoded(prepared: Prepared, column: str, value: str, names: dict[str, Any]) -> str:
    encode = prepared.encoders.get(column)
    if encode is None:
        return value
    names[f"encode_{column}"] = encode
    return f"encode_{column}({value})"
