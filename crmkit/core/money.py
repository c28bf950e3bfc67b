"""Exact money: an amount and its currency, never a float."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

import attrs

__all__ = ["Money", "minor_digits"]

# ISO 4217: the currencies whose minor unit is not a hundredth.
_MINOR_DIGITS = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}
_CODE = re.compile(r"[A-Z]{3}\Z")


def minor_digits(currency: str) -> int:
    """Return how many decimal digits *currency* has (ISO 4217: 2 for EUR, 0 for JPY, 3 for KWD)."""
    return _MINOR_DIGITS.get(currency, 2)


@attrs.frozen(order=False, repr=False)
class Money:
    """An amount of one currency, kept in minor units (cents), so that it is always exact. Made by :meth:`of`."""

    minor: int
    currency: str

    @classmethod
    def of(cls, amount: Decimal | int | str, currency: str) -> Money:
        """Return *amount* of *currency*.

        Raises:
            ValueError: the amount is no number, is a float, or has more digits than the currency; or *currency* is no
                code.
        """
        if isinstance(amount, float):
            raise ValueError("money is exact: give a Decimal, an int or a str, not a float")
        if not _CODE.match(currency):
            raise ValueError(f"{currency!r} is no ISO 4217 code such as 'EUR'")
        scaled = _decimal(amount).scaleb(minor_digits(currency))
        if scaled != scaled.to_integral_value():
            raise ValueError(f"{currency} has {minor_digits(currency)} decimal digits; got {amount}")
        return cls(int(scaled), currency)

    @classmethod
    def rounded(cls, amount: Decimal, currency: str) -> Money:
        """Return *amount* of *currency*, rounded half to even to its minor unit."""
        scaled = amount.scaleb(minor_digits(currency))
        return cls(int(scaled.to_integral_value(rounding=ROUND_HALF_EVEN)), currency)

    @property
    def amount(self) -> Decimal:
        """The amount with all digits of its currency: ``Decimal("12.50")``."""
        return Decimal(self.minor).scaleb(-minor_digits(self.currency))

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def __repr__(self) -> str:
        return f"Money.of({str(self.amount)!r}, {self.currency!r})"


def _decimal(amount: Decimal | int | str) -> Decimal:
    try:
        number = Decimal(amount)
    except InvalidOperation:
        raise ValueError(f"{amount!r} is no amount of money") from None
    if not number.is_finite():
        raise ValueError(f"{amount} is no amount of money")
    return number
