"""The sections of one record: what every plugin shows with it, read in one statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import sqlalchemy as sa

from crmkit.core.entity import EntityInfo
from crmkit.core.errors import UnknownFieldError
from crmkit.core.fields import AnyReference
from crmkit.core.policy.credentials import portable_fields
from crmkit.core.policy.rule_sources import FieldScope
from crmkit.core.policy.visibility import Visibility
from crmkit.core.reading.aggregates import left_64_bits
from crmkit.core.reading.grouped_rows import GroupedRows
from crmkit.core.reading.measures import count
from crmkit.core.reading.measuring import Result, measured
from crmkit.core.reading.ordering import parse_order
from crmkit.core.reading.packing import Packed
from crmkit.core.reading.routes import HOST, Routes
from crmkit.core.rules.check import CheckedRule, check
from crmkit.core.rules.errors import RuleError
from crmkit.core.rules.portable import Unindexed
from crmkit.core.rules.sql import compile_rule
from crmkit.core.sections import Section
from crmkit.core.storage.loading import Loader
from crmkit.core.storage.prepared import Row

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader

__all__ = ["SectionList", "read_sections"]

_PLACE = "crm_place"
# No measure of a section has an empty name.
_COUNT = ""


@attrs.frozen
class SectionList:
    """A section as one principal sees it: its first *records*, and how many there are in all.

    *fields* are those of the section's that the principal may read, credentials aside, *measures* what they may know of
    all records.
    """

    section: Section
    records: list[Any]
    count: int
    fields: tuple[str, ...]
    measures: Mapping[str, Any]


def read_sections(reader: Reader, host: EntityInfo, record_id: UUID) -> list[SectionList]:
    """Return the sections that *reader* may know of a visible record of *host*, by rank."""
    try:
        return _read(reader, host, record_id, in_halves=False)
    except sa.exc.OperationalError as error:
        if not left_64_bits(error):
            raise
        return _read(reader, host, record_id, in_halves=True)


def _read(reader: Reader, host: EntityInfo, record_id: UUID, *, in_halves: bool) -> list[SectionList]:
    made = reader.kept(("sections", host.id, in_halves), lambda: _Sections(reader, host, in_halves))
    return made.read(reader, record_id)


class _Sections:
    """The prepared statement of all sections that one host has for everybody with one shape of access."""

    def __init__(self, reader: Reader, host: EntityInfo, in_halves: bool) -> None:
        model, visibility = reader.model, reader.named_visibility
        routes = Routes(visibility, host)
        self._parts = list[_Part]()
        for section in model.registry.sections.values():
            info = model.registry.entities[section.entity]
            if _is_readable(visibility, info) and (ids := routes.leading(info, section.via)) is not None:
                part = _part(section, info, visibility, model.loader(info, reader.access), ids, in_halves)
                self._parts += [] if part is None else [part]
        self._packed = Packed([part.statement for part in self._parts], model.storage.dialect)
        self._dialect = model.storage.dialect.name

    def read(self, reader: Reader, record_id: UUID) -> list[SectionList]:
        found = self._packed.rows(reader.connection, reader.given(None, {HOST: record_id}))
        return [part.list_of(rows, self._dialect) for part, rows in zip(self._parts, found, strict=True)]


def _is_readable(visibility: Visibility, info: EntityInfo) -> bool:
    access = visibility.access.entity(info)
    return visibility.access.is_system or bool(access.scope("read") or access.shared)


@attrs.frozen(eq=False)
class _Part:
    """One section: what it selects, and how its rows become a list."""

    section: Section
    fields: tuple[str, ...]
    loader: Loader
    results: list[Result]
    statement: sa.Select[Any]

    def list_of(self, rows: list[Row], dialect: str) -> SectionList:
        width = len(self.loader.columns)
        ordered = sorted(rows, key=lambda row: row[width])
        values = dict(self._values(ordered[0][width + 1 :] if ordered else None, dialect))
        number = int(values.pop(_COUNT))
        return SectionList(self.section, self.loader.load(ordered), number, self.fields, values)

    def _values(self, row: Row | None, dialect: str) -> Iterator[tuple[str, Any]]:
        cells = iter(row or ())
        for result in self.results:
            nothing = 0 if result.kind == "count" else None
            yield result.name, nothing if row is None else result.value(cells, dialect)


def _part(
    section: Section, info: EntityInfo, visibility: Visibility, loader: Loader, ids: Any, in_halves: bool
) -> _Part | None:
    """Return the *section* as far as it exists for *visibility*; ``None`` if its condition names a hidden field."""
    scope = FieldScope(visibility.registry, info, visibility.access)
    try:
        where = None if section.where is None else check(section.where, scope)
    except (RuleError, UnknownFieldError):
        return None
    readable = visibility.access.entity(info).readable
    rows = GroupedRows(visibility, info)
    cells, results = list[Any](), list[Result]()
    for name, measure in {_COUNT: count(), **section.measures}.items():
        if measure.field is None or measure.field in readable:
            wanted, result = measured(rows, measure, name, in_halves)
            cells += [cell.over_rows().over().label(f"crm_cell_{len(cells) + n}") for n, cell in enumerate(wanted)]
            results.append(result)
    place = sa.func.row_number().over(order_by=list(_order(section, rows, scope))).label(_PLACE)
    columns = [rows.table.c[name] for name in loader.columns]
    kept = sa.select(*columns, place, *cells).where(*_conditions(rows, ids, where)).subquery()
    statement = sa.select(*kept.c).where(kept.c[_PLACE] <= section.limit)
    fields = portable_fields(visibility.access, info)
    return _Part(section, tuple(name for name in section.fields if name in fields), loader, results, statement)


def _conditions(rows: GroupedRows, ids: Any, where: CheckedRule | None) -> Iterator[Any]:
    """Yield what holds of every record of a section; SQLite is to begin at the ids alone, which are few."""
    yield rows.table.c.id.in_(ids)
    yield rows.table.c.deleted_at.is_(None)
    yield Unindexed(rows.visibility.predicate(rows.info, rows.table.c))
    if where is not None:
        yield Unindexed(compile_rule(where, rows.source))


def _order(section: Section, rows: GroupedRows, scope: FieldScope) -> Iterator[Any]:
    """Yield what the section is sorted by; a field that is hidden sorts nothing."""
    names = [name for name in section.order_by if _sorts(scope, name)]
    order = parse_order(scope, rows.info, names)
    for key in order.keys:
        column = rows.source.value(key.field)
        yield (column.desc() if key.descending else column.asc()).nulls_last()
    yield rows.table.c.id.desc() if order.id_descending else rows.table.c.id.asc()


def _sorts(scope: FieldScope, name: str) -> bool:
    try:
        return not isinstance(scope.field(name.removeprefix("-")).type, AnyReference)
    except UnknownFieldError:
        return False
