"""Groups: by any field that is read, valued as the field is, in one order on every database."""

from datetime import date

import pytest

from crmkit import (
    Grant,
    Integer,
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
    translator,
)
from crmkit.testing import both_databases, plugin

_ = translator("tests")
DAY = date(2026, 3, 1)


@entity("shop.order", label=_("Order"))
class Order(Owned):
    pieces: int | None = field(default=None)
    colours: tuple[str, ...] | None = field(MultiChoice(["red", "blue"]), default=None)
    placed_on: date | None = field(default=None)
    regarding: Target | None = any_ref(default=None)

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
    with crm.write(clerk) as db:
        return db.create_many(
            [
                Order(
                    pieces=(1, 2, None, 1)[n % 4],
                    colours=colours[n % 4],
                    placed_on=(DAY, None)[n % 2],
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
