"""Reading ``plan.toml``: every key is known, every mistake is named with its place and a close match."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from crmkit.core.text import gettext as _
from crmkit.transfer.errors import PlanError
from crmkit.transfer.patterns import reads_what_it_writes
from crmkit.transfer.plan import (
    ColumnValue,
    Constant,
    FieldPlan,
    FilePlan,
    Formats,
    ImportPlan,
    Lookup,
    Step,
    TextValue,
)
from crmkit.transfer.plan_table import Table, refuse_unknown
from crmkit.transfer.sources import FileOptions
from crmkit.transfer.template import Template

__all__ = ["parse_plan", "read_plan"]

_FORMAT_KEYS = ("date", "datetime", "decimal", "thousands", "currency", "timezone", "list")
_FILE_KEYS = ("encoding", "delimiter", "quote", "sheet", "header")
_STEP_KEYS = (
    *("name", "file", "entity", "fields", "external_id", "system", "distinct", "skip_empty", "values"),
    *("on_new", "on_existing", "on_deleted", "duplicates", "duplicates_from"),
)
_SOURCES = ("column", "first", "text", "value", "external_id", "find")


def read_plan(path: Path) -> ImportPlan:
    """Return the plan in *path*.

    Raises:
        PlanError: the file is missing or no TOML, or says something that is not understood; it says where.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise PlanError(str(path), _("there is no such file")) from None
    except OSError as error:
        raise PlanError(str(path), _("cannot be read: {reason}"), reason=error.strerror) from None
    except UnicodeDecodeError:
        raise PlanError(str(path), _("is not UTF-8")) from None
    return parse_plan(text, path)


def parse_plan(text: str, path: Path | None = None) -> ImportPlan:
    """Return the plan that the TOML *text* describes; *path* gives it its name where it has none of its own.

    Raises:
        PlanError: the text says something that is not understood; it says where.
    """
    where = path.name if path else "plan"
    try:
        # Decimals are exact: a float never enters.
        table = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise PlanError(where, _("no TOML: {reason}"), reason=str(error)) from None
    return _Plan(table, where, path).build()


class _Plan:
    """Builds an :class:`ImportPlan` from the tables of a TOML file."""

    def __init__(self, values: Mapping[str, Any], where: str, path: Path | None) -> None:
        self._top = Table(values, where).known(("name", "system", "formats", "files", "step"))
        self._where, self._path = where, path
        self._system = self._top.get("system", str)
        self._formats = self._read_formats(self._top.table("formats").known(_FORMAT_KEYS), Formats())
        self._files = {
            name: self._file(name, Table(options, self._top.place(f"files.{name}")))
            for name, options in self._top.table("files").values.items()
        }

    def build(self) -> ImportPlan:
        default = self._path.resolve().parent.name if self._path else "import"
        name = self._top.get("name", str, default)
        tables = self._top.need("step", list)
        steps = tuple(self._step(number, table) for number, table in enumerate(tables, 1))
        names = [step.name for step in steps]
        for repeated in {name for name in names if names.count(name) > 1}:
            raise PlanError(self._where, _("two steps are named {name!r}; give one a name"), name=repeated)
        unused = set(self._files) - {step.file.name for step in steps}
        if unused:
            raise PlanError(self._where, _("no step reads the file {name!r}"), name=min(unused))
        return ImportPlan(name, steps, self._path)

    def _read_formats(self, table: Table, base: Formats) -> Formats:
        changes: dict[str, Any] = {key: table.names(key) for key in ("date", "datetime") if key in table.values}
        for key in ("decimal", "thousands", "currency", "timezone", "list"):
            if key in table.values:
                changes[key] = table.get(key, str)
        formats = attrs.evolve(base, **changes)
        _check_formats(table, formats)
        return formats

    def _file(self, name: str, table: Table) -> FilePlan:
        if not isinstance(table.values, Mapping):
            table.refuse(_("expected a table"))
        table.known((*_FILE_KEYS, *_FORMAT_KEYS))
        options = FileOptions(
            encoding=table.get("encoding", str),
            delimiter=table.get("delimiter", str),
            quote=table.get("quote", str, '"'),
            sheet=table.get("sheet", str),
            header=table.get("header", int),
        )
        for key in ("delimiter", "quote"):
            if len(table.values.get(key, "x")) != 1:
                table.refuse(_("one character, got {value!r}"), key, value=table.values[key])
        if options.header is not None and options.header < 1:
            table.refuse(_("a line number from 1 on, got {value}"), "header", value=options.header)
        return FilePlan(name, options, self._read_formats(table, self._formats))

    def _step(self, number: int, values: Any) -> Step:
        if not isinstance(values, Mapping):
            self._top.refuse(_("expected a table; write [[step]]"), f"step {number}")
        table = Table(values, self._top.place(f"step {number}")).known(_STEP_KEYS)
        entity = table.need("entity", str)
        name = table.get("name", str, entity)
        table = Table(values, self._top.place(f"step {number} ({name})"))
        file_name = table.need("file", str)
        file = self._files.get(file_name) or FilePlan(file_name, formats=self._formats)
        # Without it a second run could not know its records, and would make them all again.
        key = table.template("external_id")
        system = table.get("system", str, self._system)
        if system is None:
            table.refuse(_("is missing; state it here or at the top of the plan"), "system")
        if not key.columns:
            table.refuse(_("names no column, so that every row would be the same record"), "external_id")
        return Step(
            name=name,
            file=file,
            entity=entity,
            fields=self._fields(table.table("fields"), file.formats),
            external_id=key,
            system=system,
            where=table.where,
            distinct=table.names("distinct"),
            skip_empty=table.names("skip_empty"),
            values=self._value_maps(table.table("values")),
            on_new=table.choice("on_new"),
            on_existing=table.choice("on_existing"),
            on_deleted=table.choice("on_deleted"),
            duplicates=table.choice("duplicates"),
            duplicates_from=_points(table),
        )

    def _value_maps(self, table: Table) -> dict[str, dict[str, str]]:
        maps: dict[str, dict[str, str]] = {}
        for column in table.values:
            entries = table.table(column)
            maps[column] = {key: entries.get(key, str) for key in entries.values}
        return maps

    def _fields(self, table: Table, formats: Formats) -> tuple[FieldPlan, ...]:
        return tuple(self._field(table, name, formats) for name in table.values)

    def _field(self, fields: Table, name: str, formats: Formats) -> FieldPlan:
        given = fields.values[name]
        where = fields.place(name)
        if isinstance(given, str):
            return FieldPlan(name, ColumnValue((given,), formats), where)
        if not isinstance(given, Mapping):
            fields.refuse(_("expected a column's name or a table such as {{ value = … }}"), name)
        table = Table(given, where)
        kinds = [key for key in _SOURCES if key in given]
        if "find" in kinds:
            kinds = ["find"]
        if len(kinds) != 1:
            for key in given:
                if not kinds and key not in _FORMAT_KEYS:
                    refuse_unknown(where, key, _SOURCES)
            table.refuse(_("needs one of {accepted}"), accepted=", ".join(_SOURCES))
        return FieldPlan(name, self._source(kinds[0], table, formats), where)

    def _source(self, kind: str, table: Table, formats: Formats) -> ColumnValue | TextValue | Constant | Lookup:
        match kind:
            case "value":
                return Constant(table.known(("value",)).values["value"])
            case "text":
                return TextValue(table.known(("text",)).template("text"))
            case "external_id":
                table.known(("external_id", "entity", "system", "on_missing"))
                return self._lookup(table, table.template("external_id"), None)
            case "find":
                table.known(("find", "column", "text", "entity", "on_missing"))
                return self._lookup(table, self._find_key(table), table.need("find", str))
            case _:
                return self._column(table, formats)

    def _find_key(self, table: Table) -> Template:
        if "text" in table.values:
            return table.template("text")
        return Template.of_column(table.need("column", str))

    def _lookup(self, table: Table, key: Template, by: str | None) -> Lookup:
        system = table.get("system", str, self._system)
        if by is None and system is None:
            table.refuse(_("is missing; state it here or at the top of the plan"), "system")
        return Lookup(key, by, table.get("entity", str), system, table.choice("on_missing"))

    def _column(self, table: Table, formats: Formats) -> ColumnValue:
        table.known(("column", "first", "currency_column", "default", "factor", *_FORMAT_KEYS))
        columns = (table.need("column", str),) if "column" in table.values else table.names("first")
        if not columns:
            table.refuse(_("names no column"), "first")
        own = attrs.evolve(self._read_formats(table, formats), factor=_factor(table))
        return ColumnValue(columns, own, table.get("currency_column", str), table.values.get("default"))


def _points(table: Table) -> int:
    points: int = table.get("duplicates_from", int, 50)
    if not 1 <= points <= 100:
        table.refuse(_("points from 1 to 100, got {value}"), "duplicates_from", value=points)
    return points


def _factor(table: Table) -> Decimal:
    value = table.values.get("factor", 1)
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)) or not value:
        table.refuse(_("a number other than 0, got {value!r}"), "factor", value=value)
    return Decimal(value)


_PATTERNS = {
    "date": _("a pattern that reads a whole date, such as '%m/%d/%Y', got {value!r}"),
    "datetime": _("a pattern that reads a whole date and time, such as '%m/%d/%Y %H:%M', got {value!r}"),
}


def _check_formats(table: Table, formats: Formats) -> None:
    if formats.decimal not in (".", ","):
        table.refuse(_("'.' or ',', got {value!r}"), "decimal", value=formats.decimal)
    if formats.thousands == formats.decimal or len(formats.thousands) > 1:
        table.refuse(_("one character other than the decimal separator"), "thousands")
    if formats.timezone is not None:
        _check_zone(table, formats.timezone)
    for key, message in _PATTERNS.items():
        for pattern in getattr(formats, key):
            if not reads_what_it_writes(pattern):
                table.refuse(message, key, value=pattern)
    if formats.currency is not None and not (len(formats.currency) == 3 and formats.currency.isupper()):
        table.refuse(_("an ISO 4217 code such as 'EUR', got {value!r}"), "currency", value=formats.currency)


def _check_zone(table: Table, zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        table.refuse(_("a time zone such as 'Europe/Berlin', got {value!r}"), "timezone", value=zone)
