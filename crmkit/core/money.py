"""Exact money: an amount and its currency, never a float."""

from __future__ import annotations

import re
from contextlib import suppress
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

import attrs

from crmkit.core.errors import CrmkitError
from crmkit.core.text import Text, gettext as _

__all__ = ["Money", "MoneyError", "minor_digits"]

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


class MoneyError(CrmkitError, ValueError):
    """What was given is no amount of money, or no currency."""

    code = "money"
    template = _("No amount of money: {reason}")

    def __init__(self, reason: Text, **facts: object) -> None:
        """Give the *reason*, and the *facts* that it names."""
        super().__init__(reason=reason, **facts)


@attrs.frozen(order=False, repr=False)
class Money:
    """An amount of one currency, kept in minor units (cents), so that it is always exact. Made by :meth:`of`."""

    minor: int
    currency: str

    @classmethod
    def of(cls, amount: Decimal | int | str, currency: str) -> Money:
        """Return *amount* of *currency*.

        Raises:
            MoneyError: the amount is no number, is a float, or has more digits than the currency; or *currency* is no
                code.
        """
        if isinstance(amount, float):
            raise MoneyError(_("money is exact; give a Decimal, an int or a str, not a float."))
        if not _CODE.match(str(currency)):
            raise MoneyError(_("{currency!r} is no ISO 4217 code such as 'EUR'."), currency=currency)
        scaled = _decimal(amount).scaleb(minor_digits(currency))
        if scaled != scaled.to_integral_value():
            digits = minor_digits(currency)
            message = _("{currency} has {digits} decimal digits; got {amount}.")
            raise MoneyError(message, currency=currency, digits=digits, amount=str(amount))
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
    number = None
    with suppress(InvalidOperation, TypeError, ValueError):
        number = Decimal(amount)
    if number is None or not number.is_finite():
        raise MoneyError(_("{amount!r} is no number."), amount=amount)
    return number
