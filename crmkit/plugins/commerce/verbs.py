"""What people and programs may call by its name: prices, with arguments that fit JSON."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import attrs

from crmkit import Money, Verb, translator

from . import services
from .entities import Price, Product

__all__ = ["VERBS"]

_ = translator(__package__)


@attrs.frozen
class PriceOf:
    """Which price is asked for: of one unit, where so many are bought, on a day."""

    product: Product
    on: date | None = None
    currency: str | None = None
    quantity: Decimal = Decimal(1)


@attrs.frozen
class SetPrice:
    """What a product costs from a day on."""

    product: Product
    amount: Money
    valid_from: date | None = None
    min_quantity: Decimal = Decimal(0)


VERBS = [
    Verb(
        "commerce.price_of",
        _("Find the price of a product"),
        services.price_of,
        "commerce.price",
        PriceOf,
        Price | None,
        writes=False,
    ),
    Verb("commerce.set_price", _("Give a product a price"), services.set_price, "commerce.price", SetPrice, Price),
]
