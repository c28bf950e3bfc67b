from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from crmkit import ConflictError, ExchangeRate, ForbiddenError, Money, WriteRefusedError
from crmkit.testing import both_databases

from .. import services
from ..entities import Price, Product


@pytest.fixture
def crm(make_crm, clock, database):
    return make_crm("commerce", clock=clock, database=database)


@pytest.fixture
def mei(people):
    return people.user("梅", roles=["commerce.manager"])


def eur(amount):
    return Money.of(amount, "EUR")


def amounts(prices):
    return [price and price.amount for price in prices]


@both_databases
def test_price_is_the_one_of_the_day(crm, mei):
    with crm.write(mei) as db:
        pump = db.create(Product(name="Pump"))
        services.set_price(db, pump, eur(100), valid_from=date(2025, 1, 1))
        services.set_price(db, pump, eur(110), valid_from=date(2026, 1, 1))

        days = [date(2024, 12, 31), date(2025, 1, 1), date(2025, 12, 31), date(2026, 1, 1)]
        assert amounts(services.price_of(db, pump, on=day) for day in days) == [None, eur(100), eur(100), eur(110)]


def test_price_ends_after_its_last_day(crm, mei):
    with crm.write(mei) as db:
        pump = db.create(Product(name="Pump"))
        start, end = date(2026, 2, 1), date(2026, 2, 28)
        db.create(Price(product_id=pump.id, amount=eur(100), valid_from=start, valid_to=end))

        assert services.price_of(db, pump, on=end).amount == eur(100)
        assert services.price_of(db, pump) is None


def test_price_for_many_holds_from_that_many_on(crm, mei):
    with crm.write(mei) as db:
        pump = db.create(Product(name="Pump", unit="piece"))
        services.set_price(db, pump, eur(100))
        services.set_price(db, pump, eur(90), min_quantity=10)

        found = [services.price_of(db, pump, quantity=quantity) for quantity in (1, Decimal("9.5"), 10, 500)]
    assert amounts(found) == [eur(100), eur(100), eur(90), eur(90)]


def test_price_in_another_currency_is_another_price(crm, mei):
    with crm.system("rate") as db:
        db.create(ExchangeRate(currency="USD", valid_from=date(2025, 1, 1), rate=Decimal("0.9")))
    with crm.write(mei) as db:
        pump = db.create(Product(name="Pump"))
        services.set_price(db, pump, eur(100))
        services.set_price(db, pump, Money.of(115, "USD"))

        assert services.price_of(db, pump, currency="USD").amount == Money.of(115, "USD")
        assert services.price_of(db, pump, currency="CNY") is None


def test_price_list_has_what_is_still_sold_by_name(crm, mei):
    with crm.write(mei) as db:
        pump = db.create(Product(name="Pump", series="Water"))
        bolt = db.create(Product(name="Bolt"))
        db.create(Product(name="Abacus", is_active=False))
        services.set_price(db, pump, eur(100))

        found = services.price_list(db)
        assert [(product, price and price.amount) for product, price in found] == [(bolt, None), (pump, eur(100))]
        assert [product for product, _price in services.price_list(db, series="Water")] == [pump]


def test_hook_check_write_refuses_prices_that_no_one_could_mean(crm, mei):
    with crm.write(mei) as db:
        pump = db.create(Product(name="Pump"))
        with pytest.raises(WriteRefusedError, match="commerce: a price is not negative"):
            services.set_price(db, pump, eur(-1))
        with pytest.raises(WriteRefusedError, match="a price does not end before it begins"):
            db.create(
                Price(
                    product_id=pump.id,
                    amount=eur(1),
                    valid_from=date(2026, 2, 1),
                    valid_to=date(2026, 1, 31),
                )
            )


def test_sku_is_given_once(crm, mei):
    with crm.write(mei) as db:
        db.create(Product(name="Pump", sku="P-1"))
        with pytest.raises(ConflictError), db.attempt():
            db.create(Product(name="Other pump", sku="P-1"))


def test_prices_go_with_their_product(crm, mei):
    with crm.write(mei) as db:
        pump = db.create(Product(name="Pump"))
        services.set_price(db, pump, eur(100))
        db.delete(pump)

        assert db.count(Price) == 0


def test_viewer_reads_the_catalogue_and_changes_nothing(crm, mei, people):
    bo = people.user("Bo", roles=["commerce.viewer"])
    with crm.write(mei) as db:
        services.set_price(db, db.create(Product(name="Pump")), eur(100))

    with crm.write(bo) as db:
        [(pump, price)] = services.price_list(db)
        assert price.amount == eur(100)
        with pytest.raises(ForbiddenError, match="you may not update"):
            db.update(pump, name="Mine")


def test_price_list_is_as_long_as_there_are_products(crm, mei):
    with crm.write(mei) as db:
        pumps = db.create_many([Product(name=f"Pump {n:04}", series="old" if n % 2 else "new") for n in range(1200)])
        db.create_many([Price(product_id=pump.id, amount=eur(100), valid_from=date(2026, 1, 1)) for pump in pumps])

        assert services.price_list(db) == [(pump, services.price_of(db, pump)) for pump in pumps]
        assert len(services.price_list(db, series="new")) == 600
