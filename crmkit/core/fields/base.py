"""What every field type is: cleaning, checking, and the columns that keep a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import attrs

from crmkit.core.text import gettext as _

__all__ = ["EQUALITY", "ORDERED_OPERATORS", "TEXT_OPERATORS", "Column", "FieldType", "Kind", "Refused", "shortened"]


Kind = Literal["text", "integer", "scaled", "boolean", "date", "datetime", "uuid", "json", "sealed", "token"]
TEXT_OPERATORS = ("==", "!=", "<", "<=", ">", ">=", "in", "contains", "startsWith", "endsWith")
ORDERED_OPERATORS = ("==", "!=", "<", "<=", ">", ">=", "in")
EQUALITY = ("==", "!=", "in")


class Refused(ValueError):
    """A value that a field type does not accept; the message says what would be accepted."""

    def __init__(self, message: str, **facts: Any) -> None:
        """Keep *message* (a translatable template) and its *facts*."""
        super().__init__(message, facts)
        self.message, self.facts = message, facts


@attrs.frozen
class Column:
    """One column of a field: the suffix of its name and what it stores."""

    suffix: str
    kind: Kind
    length: int | None = None
    scale: int = 0


@attrs.frozen
class FieldType:
    """What every field type is. Subclasses say which Python type, operators, widget and columns they have."""

    name: ClassVar[str]
    python: ClassVar[type[Any]]
    operators: ClassVar[Sequence[str]] = EQUALITY
    widget: ClassVar[str] = "text"

    def columns(self) -> tuple[Column, ...]:
        """Return the columns that keep a value."""
        raise NotImplementedError

    def normalise(self, value: Any) -> Any:
        """Return *value* cleaned and checked; ``None`` never arrives here.

        Raises:
            Refused: the value is not acceptable.
        """
        if not isinstance(value, self.python):
            raise Refused(
                _("expected {expected}, got {value!r}"), expected=self.python.__name__, value=shortened(value)
            )
        return value

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema (2020-12) of a value."""
        raise NotImplementedError

    def split(self, value: Any) -> tuple[Any, ...]:
        """Return what goes into each of :meth:`columns`; *value* may be ``None``."""
        return (value,)

    def join(self, parts: Sequence[Any]) -> Any:
        """Return the value that :meth:`split` took apart."""
        return parts[0]


def shortened(value: object, limit: int = 80) -> str:
    """Return *value* as text of at most *limit* characters, for a message."""
    shown = str(value)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
