"""Groups: by any field that is read, valued as the field is, in one order on every database."""

from datetime import date
from decimal import Decimal

import pytest

from crmkit import (
    ExchangeRate,
    Grant,
    Integer,
    Json,
    Money,
    MultiChoice,
    Owned,
    Role,
    Target,
    any_ref,
    computed,
    count,
    entity,
    field,
    total,
    total_by_currency,
    translator,
)
from crmkit.core.reading.measures import MeasureError
from crmkit.testing import both_databases, plugin

_ = translator("tests")
DAY = date(2026, 3, 1)


@entity("shop.order", label=_("Order"))
class Order(Owned):
    pieces: int | None = field(default=None)
    colours: tuple[str, ...] | None = field(MultiChoice(["red", "blue"]), default=None)
    placed_on: date | None = field(default=None)
    regarding: Target | None = any_ref(default=None)
    price: Money | None = field(default=None)
    notes: dict[str, object] | None = field(Json(), default=None)

    @computed(Integer(), needs=["pieces"])
    def minutes(self):
        return None if self.pieces is None else self.pieces * 20 + 5


@pytest.fixture
def crm(make_crm, database, clock):
    roles = [Role("shop.clerk", _("Clerk"), [Grant("shop.order", ["read", "create"], "team")])]
    return make_crm(plugin("shop", entities=[Order], roles=roles), database=database, clock=clock)


@pytest.fixture
def clerk(people):
    return people.user("Eve", team="North", also=["South"], roles=["shop.clerk"])


@pytest.fixture
def orders(crm, clerk):
    colours = (("blue", "red"), (), None, ("red",))
    prices = (Money.of(3, "EUR"), Money.of(2, "USD"), None, Money.of("1.50", "EUR"))
    with crm.system("test") as db:
        db.create(ExchangeRate(currency="USD", valid_from=DAY, rate=Decimal("0.75")))
    with crm.write(clerk) as db:
        return db.create_many(
            [
                Order(
                    pieces=(1, 2, None, 1)[n % 4],
                    colours=colours[n % 4],
                    placed_on=(DAY, None)[n % 2],
                    price=prices[n % 4],
                    regarding=(Target("core.user", clerk.user_id), None)[n % 2],
                )
                for n in range(8)
            ]
        )


def grouped(db, by):
    return [(row[by], row["n"]) for row in db.aggregate(Order, group_by=by, measures={"n": count()})]


@both_databases
def test_groups_by_a_computed_field_stand_in_its_order(crm, orders, clerk):
    with crm.read(clerk) as db:
        assert grouped(db, "minutes") == [(25, 4), (45, 2), (None, 2)]
        assert db.aggregate(Order, group_by=["minutes", "pieces"], measures={"sum": total("minutes")}) == [
            {"minutes": 25, "pieces": 1, "sum": 100},
            {"minutes": 45, "pieces": 2, "sum": 90},
            {"minutes": None, "pieces": None, "sum": None},
        ]
    with crm.system("test") as db:
        assert grouped(db, "minutes") == [(25, 4), (45, 2), (None, 2)]


@both_databases
def test_group_has_the_value_of_its_field_and_nothing_comes_last(crm, orders, clerk):
    with crm.read(clerk) as db:
        assert grouped(db, "placed_on") == [(DAY, 4), (None, 4)]
        assert grouped(db, "colours") == [((), 2), (("blue", "red"), 2), (("red",), 2), (None, 2)]
        assert grouped(db, "regarding") == [(Target("core.user", clerk.user_id), 4), (None, 4)]
        assert grouped(db, "owner_id") == [(clerk.user_id, 8)]


@both_databases
def test_money_is_grouped_by_its_value_in_the_currency_of_the_company(crm, orders, clerk):
    with crm.read(clerk) as db:
        assert grouped(db, "price") == [(Money.of("1.50", "EUR"), 4), (Money.of(3, "EUR"), 2), (None, 2)]


@both_databases
def test_money_is_summed_up_in_one_currency_and_in_each(crm, orders, clerk):
    with crm.read(clerk) as db:
        measures = {"each": total_by_currency("price"), "n": count(), "all": total("price")}
        assert db.aggregate(Order, measures=measures) == [
            {"each": {"EUR": Money.of(9, "EUR"), "USD": Money.of(4, "USD")}, "n": 8, "all": Decimal(12)}
        ]
        assert db.aggregate(Order, group_by=["pieces"], measures=measures) == [
            {"pieces": 1, "each": {"EUR": Money.of(9, "EUR")}, "n": 4, "all": Decimal(9)},
            {"pieces": 2, "each": {"USD": Money.of(4, "USD")}, "n": 2, "all": Decimal(3)},
            {"pieces": None, "each": {}, "n": 2, "all": None},
        ]
        known, unknown = db.aggregate(Order, group_by="regarding", measures={"each": total_by_currency("price")})
        assert (list(known["each"]), list(unknown["each"])) == (["EUR"], ["EUR", "USD"])
        assert db.aggregate(Order, measures={"each": total_by_currency("price")}, where="pieces == 7") == [{"each": {}}]


@both_databases
def test_sums_by_currency_are_exact_beyond_64_bits(crm, clerk):
    most = 2**63 - 1
    with crm.write(clerk) as db:
        db.create_many([Order(price=Money(most, "EUR")) for _n in range(3)])
        (whole,) = db.aggregate(Order, measures={"each": total_by_currency("price")})
        assert whole == {"each": {"EUR": Money(3 * most, "EUR")}}


def test_only_money_that_is_stored_has_currencies(crm, clerk):
    with crm.read(clerk) as db:
        for name in ("pieces", "minutes"):
            with pytest.raises(MeasureError, match="has no currencies"):
                db.aggregate(Order, measures={"each": total_by_currency(name)})
        with pytest.raises(MeasureError, match="there are no groups by 'notes'"):
            db.aggregate(Order, group_by=["notes"], measures={"n": count()})
