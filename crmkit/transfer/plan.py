"""What an import plan says: files, steps in order, and where each field's value comes from."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import attrs

from crmkit.transfer.sources import FileOptions
from crmkit.transfer.template import Template

__all__ = [
    "ColumnValue",
    "Constant",
    "FieldPlan",
    "FilePlan",
    "Formats",
    "ImportPlan",
    "Lookup",
    "Step",
    "TextValue",
]


@attrs.frozen
class Formats:
    """How texts become values; ISO dates and datetimes are understood beside those of the patterns."""

    date: tuple[str, ...] = ()
    datetime: tuple[str, ...] = ()
    decimal: str = "."
    thousands: str = ""
    currency: str | None = None
    timezone: str | None = None
    list: str = ";"
    #: What numbers and amounts are multiplied by: 1000000 where a column counts millions.
    factor: Decimal = Decimal(1)


@attrs.frozen
class ColumnValue:
    """The first of *columns* that is not empty in a row; *default* if all are."""

    columns: tuple[str, ...]
    formats: Formats
    currency_column: str | None = None
    default: Any = None


@attrs.frozen
class TextValue:
    """A text put together from columns."""

    template: Template


@attrs.frozen
class Constant:
    """The same value in every row."""

    value: Any


@attrs.frozen
class Lookup:
    """A reference to the record that *key* names: its external id in *system*, or its field *by*."""

    key: Template
    by: str | None = None
    entity: str | None = None
    system: str | None = None
    on_missing: Literal["refuse", "empty"] = "refuse"


@attrs.frozen
class FieldPlan:
    """One field and where its value comes from; *where* names the place in the plan."""

    field: str
    source: ColumnValue | TextValue | Constant | Lookup
    where: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads."""
        match self.source:
            case ColumnValue(columns=columns, currency_column=currency):
                return columns if currency is None else (*columns, currency)
            case TextValue(template=template) | Lookup(key=template):
                return template.columns
            case _:
                return ()


@attrs.frozen
class FilePlan:
    """One file: how it is opened and how its texts are read."""

    name: str
    options: FileOptions = attrs.field(factory=FileOptions)
    formats: Formats = attrs.field(factory=Formats)


@attrs.frozen
class Step:
    """Reads one file from its beginning to its end and writes records of one entity."""

    name: str
    file: FilePlan
    entity: str
    fields: tuple[FieldPlan, ...]
    external_id: Template
    system: str
    #: Its place in the plan.
    where: str
    #: One record for each distinct value of these columns, from the first row that has it.
    distinct: tuple[str, ...] = ()
    #: Rows in which one of these columns is empty are left out.
    skip_empty: tuple[str, ...] = ()
    #: By column: what stands in the file, and what is read instead.
    values: Mapping[str, Mapping[str, str]] = attrs.field(factory=dict)
    on_new: Literal["create", "skip", "refuse"] = "create"
    on_existing: Literal["update", "skip", "refuse"] = "update"
    on_deleted: Literal["refuse", "restore", "skip"] = "refuse"
    #: What becomes of new records that are likely there already, with so many points of 100 or more.
    duplicates: Literal["ignore", "report", "refuse"] = "ignore"
    duplicates_from: int = 50

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the step reads, each once."""
        named = [*self.distinct, *self.skip_empty, *self.values]
        named += self.external_id.columns
        named += [column for field in self.fields for column in field.columns]
        return tuple(dict.fromkeys(named))


@attrs.frozen
class ImportPlan:
    """A plan as it was read: its steps run in order, each after the one before has ended."""

    name: str
    steps: tuple[Step, ...]
    path: Path | None = None

    @property
    def files(self) -> tuple[FilePlan, ...]:
        """The files that it reads, each once, in order."""
        return tuple({step.file.name: step.file for step in self.steps}.values())
