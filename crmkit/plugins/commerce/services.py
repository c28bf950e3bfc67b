"""What a product costs, and what a price may not say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from crmkit import Money, Problem, Reader, Rule, Write, WriteContext, Writer, translator

from .entities import Price, Product

__all__ = ["check_prices", "price_list", "price_of", "set_price"]

_ = translator(__package__)


def price_of(
    db: Reader,
    product: Product,
    *,
    on: date | None = None,
    currency: str | None = None,
    quantity: Decimal | int = 1,
) -> Price | None:
    """Return the price of one unit of *product* for *quantity* units on a day (today), or ``None`` where there is none.

    Of several the one for the greatest quantity holds, then the one that is valid from the latest day.
    """
    return _best(_valid_prices(db, Price.f.product_id == product.id, on, currency), Decimal(quantity))


def price_list(
    db: Reader, *, on: date | None = None, currency: str | None = None, series: str | None = None
) -> list[tuple[Product, Price | None]]:
    """Return every product that is still sold, by name, with the price of one unit on a day (today)."""
    products = db.find(Product, _still_sold(Product.f, series), order_by="name")
    by_product: dict[UUID, list[Price]] = {product.id: [] for product in products}
    for price in _valid_prices(db, _still_sold(Price.f.product, series), on, currency):
        by_product[price.product_id].append(price)
    return [(product, _best(by_product[product.id], Decimal(1))) for product in products]


def set_price(
    db: Writer, product: Product, amount: Money, *, valid_from: date | None = None, min_quantity: Decimal | int = 0
) -> Price:
    """Give *product* a price from a day (today) on and return it; earlier prices stay as they were."""
    day = valid_from or db.moment.today
    return db.create(Price(product_id=product.id, amount=amount, valid_from=day, min_quantity=Decimal(min_quantity)))


def _still_sold(product: Any, series: str | None) -> Rule:
    rule: Rule = product.is_active
    return rule if series is None else rule & (product.series == series)


def _valid_prices(db: Reader, products: Rule, on: date | None, currency: str | None) -> list[Price]:
    day = on or db.moment.today
    begun, goes_on = Price.f.valid_from <= day, Price.f.valid_to.is_null() | (Price.f.valid_to >= day)
    found = db.find(Price, products & begun & goes_on)
    return [price for price in found if currency is None or price.amount.currency == currency]


def _best(prices: Iterable[Price], quantity: Decimal) -> Price | None:
    fitting = (price for price in prices if price.min_quantity <= quantity)
    return max(fitting, key=lambda price: (price.min_quantity, price.valid_from, price.id), default=None)


def check_prices(context: WriteContext, writes: Sequence[Write]) -> list[Problem]:
    """Return a problem for each price among *writes* that is negative, or would end before it begins."""
    return [
        problem
        for place, write in enumerate(writes)
        if write.entity.id == "commerce.price" and write.kind in ("create", "update")
        for problem in _price_problems(write, place)
    ]


def _price_problems(write: Write, place: int) -> Iterable[Problem]:
    if write.get("amount").amount < 0:
        yield Problem(_("a price is not negative"), place, "amount")
    if write.get("valid_to") is not None and write.get("valid_to") < write.get("valid_from"):
        yield Problem(_("a price does not end before it begins"), place, "valid_to")
