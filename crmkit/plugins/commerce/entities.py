"""Products and prices."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

from crmkit import Decimals, LongText, Money, Number, Record, Text, entity, field, ref, translator

__all__ = ["Price", "Product"]

_ = translator(__package__)


@entity("commerce.product", label=_("Product"))
class Product(Record):
    """Something that is sold: goods or a service."""

    number: str | None = field(Number(prefix="PR"), default=None, search=True, label=_("Number"))
    name: str = field(Text(max=200), search=True, indexed=True, label=_("Name"))
    sku: str | None = field(
        Text(max=60), default=None, unique=True, search=True, label=_("SKU"), help=_("The company's own article code")
    )
    series: str | None = field(
        Text(max=100), default=None, indexed=True, label=_("Series"), help=_("Products of one kind have one series")
    )
    unit: str | None = field(
        Text(max=20), default=None, label=_("Unit"), help=_("What is counted, such as piece or hour")
    )
    is_active: bool = field(default=True, label=_("Active"), help=_("Whether it is still sold"))
    description: str | None = field(LongText(max=20_000), default=None, search=True, label=_("Description"))


@entity("commerce.price", label=_("Price"))
class Price(Record):
    """What one unit of a product costs from a day on, if at least so many are bought."""

    product_id: UUID = ref("commerce.product", follows=True, on_delete="cascade", label=_("Product"))
    amount: Money = field(label=_("Price of one"))
    valid_from: date = field(label=_("Valid from"))
    valid_to: date | None = field(
        default=None, label=_("Valid to"), help=_("The last day; empty while the price has no end")
    )
    min_quantity: Decimal = field(Decimals(scale=4, min=Decimal(0)), default=Decimal(0), label=_("From quantity"))
