"""Money in the company's currency, at the dated rate that holds on a day."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import date
from decimal import Decimal

from crmkit.core.money import Money

__all__ = ["Rates"]

History = list[tuple[date, Decimal]]


class Rates:
    """The exchange rates that one transaction needs, each currency read at most once."""

    def __init__(self, base: str, read: Callable[[str], History]) -> None:
        """Convert into *base*; *read* returns the dated rates of a currency, oldest first."""
        self._base, self._read = base, read
        self._known: dict[str, History] = {}

    def base_minor(self, money: Money, day: date) -> int | None:
        """Return *money* in minor units of the base currency, rounded half to even; ``None`` without a rate."""
        if money.currency == self._base:
            return money.minor
        history = self._known.get(money.currency)
        if history is None:
            history = self._known[money.currency] = self._read(money.currency)
        place = bisect_right(history, (day, Decimal("Infinity")))
        if not place:
            return None
        return Money.rounded(money.amount * history[place - 1][1], self._base).minor
