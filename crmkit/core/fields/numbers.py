"""Numbers, exact ones: integers, decimals, percentages, money; and truth."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

import attrs

from crmkit.core.fields.base import ORDERED_OPERATORS, Column, FieldType, Refused, shortened
from crmkit.core.money import Money
from crmkit.core.text import gettext as _

__all__ = ["Boolean", "Decimals", "Integer", "MoneyType", "Percent"]


@attrs.frozen
class Integer(FieldType):
    """A whole number of at most 64 bits."""

    min: int = -(2**63)
    max: int = 2**63 - 1
    name: ClassVar[str] = "integer"
    python: ClassVar[type[Any]] = int
    operators: ClassVar[Sequence[str]] = ORDERED_OPERATORS
    widget: ClassVar[str] = "number"

    def columns(self) -> tuple[Column, ...]:
        """Return one integer column."""
        return (Column("", "integer"),)

    def normalise(self, value: Any) -> int:
        """Return *value* if it is an int between *min* and *max*; booleans are refused."""
        if isinstance(value, bool):
            raise Refused(_("expected {expected}, got {value!r}"), expected="int", value=value)
        number: int = FieldType.normalise(self, value)
        if not self.min <= number <= self.max:
            raise Refused(_("between {min} and {max}, got {value}"), min=self.min, max=self.max, value=number)
        return number

    def json_schema(self) -> dict[str, Any]:
        """Return an integer with its bounds."""
        return {"type": "integer", "minimum": self.min, "maximum": self.max}


@attrs.frozen
class Decimals(FieldType):
    """An exact decimal with at most *scale* digits after the point, kept as a scaled integer."""

    scale: int = 4
    min: Decimal | None = None
    max: Decimal | None = None
    name: ClassVar[str] = "decimal"
    python: ClassVar[type[Any]] = Decimal
    operators: ClassVar[Sequence[str]] = ORDERED_OPERATORS
    widget: ClassVar[str] = "number"

    def columns(self) -> tuple[Column, ...]:
        """Return one scaled-integer column."""
        return (Column("", "scaled", scale=self.scale),)

    def normalise(self, value: Any) -> Decimal:
        """Return *value* as a Decimal of exactly *scale* digits; floats are refused."""
        if isinstance(value, bool) or not isinstance(value, (Decimal, int)):
            raise Refused(_("expected {expected}, got {value!r}"), expected="Decimal", value=shortened(value))
        number = Decimal(value)
        if not number.is_finite():
            raise Refused(_("{value} is no number"), value=str(number))
        try:
            exact = number.quantize(Decimal(1).scaleb(-self.scale))
        except InvalidOperation:
            raise Refused(_("{value} is too large"), value=shortened(number)) from None
        if exact != number:
            raise Refused(_("at most {scale} decimal digits, got {value}"), scale=self.scale, value=shortened(number))
        self._check_bounds(exact)
        return exact

    def _check_bounds(self, number: Decimal) -> None:
        if abs(number.scaleb(self.scale)) >= 2**63:
            raise Refused(_("{value} is too large"), value=shortened(number))
        if self.min is not None and number < self.min:
            raise Refused(_("at least {min}, got {value}"), min=self.min, value=number)
        if self.max is not None and number > self.max:
            raise Refused(_("at most {max}, got {value}"), max=self.max, value=number)

    def json_schema(self) -> dict[str, Any]:
        """Return a decimal string, so that no reader turns it into a float."""
        return {"type": "string", "format": "decimal"}


@attrs.frozen
class Percent(Decimals):
    """A percentage from 0 to 100."""

    scale: int = 2
    min: Decimal | None = Decimal(0)
    max: Decimal | None = Decimal(100)
    name: ClassVar[str] = "percent"
    widget: ClassVar[str] = "percent"


@attrs.frozen
class MoneyType(FieldType):
    """Money in any currency, with its value in the company's currency beside it (*base*).

    Rules, sorting and totals use the base value. It is set by the write, at the rate of the day.
    """

    name: ClassVar[str] = "money"
    python: ClassVar[type[Any]] = Money
    operators: ClassVar[Sequence[str]] = ORDERED_OPERATORS
    widget: ClassVar[str] = "money"

    def columns(self) -> tuple[Column, ...]:
        """Return minor units, currency, and minor units of the company's currency."""
        return (Column("_minor", "integer"), Column("_currency", "text", length=3), Column("_base", "integer"))

    def split(self, value: Any) -> tuple[Any, ...]:
        """Return minor units and currency; the base value is the write's to fill in."""
        return (None, None, None) if value is None else (value.minor, value.currency, None)

    def join(self, parts: Sequence[Any]) -> Any:
        """Return the money; the base value is no part of it."""
        return None if parts[0] is None else Money(parts[0], parts[1])

    def normalise(self, value: Any) -> Money:
        """Return *value* if it fits into 64 bits of minor units."""
        money: Money = FieldType.normalise(self, value)
        if abs(money.minor) >= 2**63:
            raise Refused(_("{value} is too large"), value=shortened(money))
        return money

    def json_schema(self) -> dict[str, Any]:
        """Return ``{amount, currency}`` with the amount as a decimal string."""
        return {
            "type": "object",
            "properties": {
                "amount": {"type": "string", "format": "decimal"},
                "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
            },
            "required": ["amount", "currency"],
        }


@attrs.frozen
class Boolean(FieldType):
    """True or false."""

    name: ClassVar[str] = "boolean"
    python: ClassVar[type[Any]] = bool
    widget: ClassVar[str] = "checkbox"

    def columns(self) -> tuple[Column, ...]:
        """Return one boolean column."""
        return (Column("", "boolean"),)

    def json_schema(self) -> dict[str, Any]:
        """Return a boolean."""
        return {"type": "boolean"}
