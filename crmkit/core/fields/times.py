"""Days and moments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, ClassVar

import attrs

from crmkit.core.fields.base import ORDERED_OPERATORS, Column, FieldType, Refused, shortened
from crmkit.core.text import gettext as _

__all__ = ["Date", "DateTime"]


@attrs.frozen
class Date(FieldType):
    """A calendar day."""

    name: ClassVar[str] = "date"
    python: ClassVar[type[Any]] = date
    operators: ClassVar[Sequence[str]] = ORDERED_OPERATORS
    widget: ClassVar[str] = "date"

    def columns(self) -> tuple[Column, ...]:
        """Return one date column."""
        return (Column("", "date"),)

    def normalise(self, value: Any) -> date:
        """Return *value*; a datetime is refused, because its day depends on the zone."""
        if isinstance(value, datetime):
            raise Refused(_("expected {expected}, got {value!r}"), expected="date", value=shortened(value))
        day: date = FieldType.normalise(self, value)
        return day

    def json_schema(self) -> dict[str, Any]:
        """Return a string of format ``date`` (RFC 3339)."""
        return {"type": "string", "format": "date"}


@attrs.frozen
class DateTime(FieldType):
    """A moment: an aware datetime, kept in UTC."""

    name: ClassVar[str] = "datetime"
    python: ClassVar[type[Any]] = datetime
    operators: ClassVar[Sequence[str]] = ORDERED_OPERATORS
    widget: ClassVar[str] = "datetime"

    def columns(self) -> tuple[Column, ...]:
        """Return one datetime column."""
        return (Column("", "datetime"),)

    def normalise(self, value: Any) -> datetime:
        """Return *value* in UTC; a datetime without a zone is refused."""
        moment: datetime = FieldType.normalise(self, value)
        if moment.tzinfo is None:
            raise Refused(_("{value} has no time zone"), value=moment.isoformat())
        return moment.astimezone(UTC)

    def json_schema(self) -> dict[str, Any]:
        """Return a string of format ``date-time`` (RFC 3339)."""
        return {"type": "string", "format": "date-time"}
