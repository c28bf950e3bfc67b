"""The demo company's catalogue: pumps, and what they cost."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from crmkit import Demo, DemoPart, Money, Writer

from .entities import Price, Product

__all__ = ["PART"]

# Series, name, euros.
_PRODUCTS = (
    ("Aqua", "Aqua 100 Garden Pump", 490),
    ("Aqua", "Aqua 300 Well Pump", 1290),
    ("Aqua", "Aqua 500 Booster Station", 4850),
    ("Terra", "Terra 10 Slurry Pump", 2950),
    ("Terra", "Terra 40 Dredge Pump", 11800),
    ("Chem", "Chem 5 Dosing Pump", 1750),
    ("Chem", "Chem 20 Process Pump", 7400),
    ("Chem", "Chem 80 Reactor Loop", 26500),
    ("Care", "Care Basic Maintenance", 600),
    ("Care", "Care Plus Maintenance", 1900),
    ("Care", "Training Day", 1450),
)
# What a price in euros is in other price lists.
_LISTS = {"EUR": Decimal(1), "USD": Decimal("1.1"), "CNY": Decimal(8)}
_MANY, _REBATE = Decimal(10), Decimal("0.92")
_DEARER = Decimal("1.04")


def prepare(db: Writer, demo: Demo) -> None:
    """Make the catalogue, with prices that rise after a year, in euros or else in the company's own currency."""
    lists = _LISTS if db.currency == "EUR" else {db.currency: Decimal(1)}
    day = demo.now.date()
    products = db.create_many(
        [
            Product(name=name, series=series, sku=_sku(name), unit="day" if "Day" in name else "piece")
            for series, name, _euros in _PRODUCTS
        ]
    )
    db.create_many(
        [
            price
            for product, (_series, _name, euros) in zip(products, _PRODUCTS, strict=True)
            for currency, factor in lists.items()
            for price in _prices(product, euros * factor, currency, day)
        ]
    )
    demo.add(*products)


def _sku(name: str) -> str:
    return "-".join(word[:4].upper() for word in name.split()[:2])


def _prices(product: Product, amount: Decimal, currency: str, day: date) -> list[Price]:
    next_year = day + timedelta(days=365)
    return [
        Price(
            product_id=product.id,
            amount=Money.rounded((amount * rebate * rise).quantize(Decimal(1)), currency),
            valid_from=start,
            min_quantity=quantity,
        )
        for start, rise in ((day, Decimal(1)), (next_year, _DEARER))
        for quantity, rebate in ((Decimal(0), Decimal(1)), (_MANY, _REBATE))
    ]


PART = DemoPart(roles={"agent": ["commerce.viewer"], "manager": ["commerce.viewer"]}, prepare=prepare)
