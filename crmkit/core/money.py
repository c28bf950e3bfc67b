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


@attrs.frozen(order=False)
class Money:
    """An amount of one currency, exact to that currency's minor unit."""

    amount: Decimal
    currency: str

    def __attrs_post_init__(self) -> None:
        if not _CODE.match(self.currency):
            raise ValueError(f"{self.currency!r} is no ISO 4217 code such as 'EUR'")
        if not self.amount.is_finite():
            raise ValueError(f"{self.amount} is no amount of money")

    @classmethod
    def of(cls, amount: Decimal | int | str, currency: str) -> Money:
        """Return *amount* of *currency*.

        Raises:
            ValueError: the amount is no number, is a float, or has more digits than the currency.
        """
        if isinstance(amount, float):
            raise ValueError("money is exact: give a Decimal, an int or a str, not a float")
        try:
            exact = Decimal(amount)
        except InvalidOperation:
            raise ValueError(f"{amount!r} is no amount of money") from None
        money = cls(exact, currency)
        if exact != cls.from_minor(money.minor, currency).amount:
            raise ValueError(f"{currency} has {minor_digits(currency)} decimal digits; got {amount}")
        return cls.from_minor(money.minor, currency)

    @classmethod
    def from_minor(cls, minor: int, currency: str) -> Money:
        """Return the money that *minor* units (cents) of *currency* are."""
        return cls(Decimal(minor).scaleb(-minor_digits(currency)), currency)

    @property
    def minor(self) -> int:
        """The amount in minor units (cents), rounded half to even."""
        scaled = self.amount.scaleb(minor_digits(self.currency))
        return int(scaled.to_integral_value(rounding=ROUND_HALF_EVEN))

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"
