"""Exporting records through a reader: what the principal may read and export, a page at a time, into a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import attrs

from crmkit.core.entity import EntityInfo, FieldInfo, Record, value_of
from crmkit.core.errors import UnknownFieldError
from crmkit.core.fields import MoneyType
from crmkit.core.policy.credentials import check_portable, portable_fields
from crmkit.core.progress import Meter, Show
from crmkit.core.reading.reader import Reader
from crmkit.core.rules.rule import Rule
from crmkit.core.text import gettext as _
from crmkit.transfer.errors import ExportTargetError
from crmkit.transfer.writers import format_of, write_rows

__all__ = ["check_export", "export"]

_PAGE = 1000
# Bookkeeping that no table of records needs; it is exported where it is asked for.
_LEFT_OUT = frozenset({"custom", "deleted_at", "pipeline_version"})


def export(
    reader: Reader,
    entity: type[Record],
    target: Path | IO[bytes],
    *,
    where: Rule | str | None = None,
    fields: Sequence[str] | None = None,
    order_by: str | Sequence[str] | None = None,
    format: str | None = None,
    show: Show | None = None,
) -> int:
    """Write the records of *entity* for which *where* holds to *target* and return how many there were.

    Only records that the principal may read *and* export are written. *fields* are names of fields, of fields that
    plugins added (``membership.tier``), or of fields behind a reference (``company.name``); by default all fields that
    may be read. In tables money has two columns, the amount and its currency. *format* is ``csv``, ``xlsx`` or
    ``jsonl``; a path's ending tells it.

    Raises:
        ForbiddenError: the principal may export nothing of *entity*.
        UnknownFieldError: a field does not exist, or is hidden.
        CredentialError: a field proves who somebody is.
        RuleError: *where* is no rule on this entity.
        ExportTargetError: *target* is a folder, or its ending names no format.
        ExportError: the format cannot hold a value.
    """
    reader.check_export(entity)
    if isinstance(target, Path) and target.is_dir():
        raise ExportTargetError(str(target), _("is a folder; name a file in it"))
    chosen = format or (format_of(target) if isinstance(target, Path) else "csv")
    columns = [_column(reader, entity, name) for name in fields or _default_fields(reader, entity)]
    meter = Meter(show, reader.access.registry.entity(entity).id, total=reader.count(entity, where) if show else None)
    split = chosen != "jsonl"
    names = [name for column in columns for name in column.names(split=split)]
    pages = _begun(_pages(reader, entity, where, order_by))
    written = write_rows(target, names, _rows(reader, entity, pages, columns, meter, split=split), chosen)
    meter.finish()
    return written


def check_export(
    reader: Reader,
    entity: type[Record],
    *,
    where: Rule | str | None = None,
    fields: Sequence[str] | None = None,
    order_by: str | Sequence[str] | None = None,
) -> None:
    """Return if :func:`export` could begin, without writing anything.

    Raises:
        ForbiddenError, UnknownFieldError, CredentialError, RuleError: as for :func:`export`.
    """
    reader.check_export(entity)
    for name in fields or ():
        _column(reader, entity, name)
    reader.page(entity, where, order_by=order_by, limit=1)


def _default_fields(reader: Reader, entity: type[Record]) -> list[str]:
    info = reader.access.registry.entity(entity)
    portable = portable_fields(reader.access, info)
    return [name for name in reader.access.registry.fields(info.id) if name in portable and name not in _LEFT_OUT]


#: What a page of records needs beside itself: by relation or plugin, what belongs to each record.
_Beside = dict[str, dict[UUID, Any]]


@attrs.frozen
class _Column:
    """One field of the export: its name, its type, and how a record gives its value."""

    name: str
    is_money: bool
    get: Callable[[Any, _Beside], Any]
    relation: str | None = None
    plugin: str | None = None

    def names(self, *, split: bool) -> tuple[str, ...]:
        """Return the names of the columns of the file."""
        return (self.name, f"{self.name}_currency") if split and self.is_money else (self.name,)

    def values(self, record: Any, beside: _Beside, *, split: bool) -> tuple[Any, ...]:
        """Return what *record* has in them."""
        value = self.get(record, beside)
        if not (split and self.is_money):
            return (value,)
        return (None, None) if value is None else (value.amount, value.currency)


def _column(reader: Reader, entity: type[Record], name: str) -> _Column:
    registry = reader.access.registry
    info = registry.entity(entity)
    known, readable = registry.fields(info.id), reader.readable_fields(entity)
    for field in (*info.fields.values(), *info.custom.values()):
        if field.relation and name.startswith(f"{field.relation}.") and field.name in readable:
            return _behind(reader, info, field, name, name.removeprefix(f"{field.relation}."))
    check_portable(reader.access, info, name)
    if name in info.custom:
        return _Column(name, False, lambda record, _beside: value_of(record, info.custom[name]))
    first, _dot, rest = name.partition(".")
    computed = registry.extensions[info.id][first].computed if rest else info.computed
    kind = known[name].type if name in known else computed[rest or name].type
    if rest:
        return _Column(name, isinstance(kind, MoneyType), lambda r, b: getattr(b[first][r.id], rest), plugin=first)
    return _Column(name, isinstance(kind, MoneyType), lambda record, _beside: getattr(record, name))


def _behind(reader: Reader, info: EntityInfo, field: FieldInfo, name: str, rest: str) -> _Column:
    """Return the column of a field behind the reference *field*; empty where the record is not visible."""
    target = reader.access.registry.entities[field.type.entity]  # type: ignore[attr-defined]
    stored = {**target.fields, **target.custom}
    if rest not in reader.readable_fields(target.cls) or rest not in {*stored, *target.computed}:
        raise UnknownFieldError(info.id, name)
    check_portable(reader.access, target, rest)
    kind = stored[rest].type if rest in stored else target.computed[rest].type
    relation = str(field.relation)

    def get(record: Any, beside: _Beside) -> Any:
        found = beside[relation].get(value_of(record, field))
        if found is None:
            return None
        return value_of(found, stored[rest]) if rest in stored else getattr(found, rest)

    return _Column(name, isinstance(kind, MoneyType), get, relation=relation)


def _begun(pages: Iterator[list[Any]]) -> Iterator[list[Any]]:
    """Return *pages* with the first one read: what the question lacks is said before anything is written."""
    return chain([next(pages)], pages)


def _rows(
    reader: Reader,
    entity: type[Record],
    pages: Iterator[list[Any]],
    columns: Sequence[_Column],
    meter: Meter,
    *,
    split: bool,
) -> Iterator[list[Any]]:
    for records in pages:
        beside = _beside(reader, entity, columns, records)
        for record in records:
            yield [value for column in columns for value in column.values(record, beside, split=split)]
        meter.advance(len(records))


def _pages(
    reader: Reader, entity: type[Record], where: Rule | str | None, order_by: str | Sequence[str] | None
) -> Iterator[list[Any]]:
    """Yield the records that may be exported; what may be read is more."""
    info = reader.access.registry.entity(entity)
    cursor: str | None = None
    while True:
        page = reader.page(entity, where, order_by=order_by, limit=_PAGE, after=cursor)
        records = page.records
        if not reader.access.is_system and records:
            allowed = reader.allowed_ids(info, "export", [record.id for record in records])
            records = [record for record in records if record.id in allowed]
        yield records
        cursor = page.next
        if cursor is None:
            return


def _beside(reader: Reader, entity: type[Record], columns: Sequence[_Column], records: Sequence[Any]) -> _Beside:
    found: _Beside = {}
    extensions = reader.access.registry.extensions.get(reader.access.registry.entity(entity).id, {})
    for column in columns:
        if column.relation is not None and column.relation not in found:
            found[column.relation] = reader.expand(records, column.relation)
        if column.plugin is not None and column.plugin not in found:
            found[column.plugin] = reader.extensions(extensions[column.plugin].cls, records)
    return found
