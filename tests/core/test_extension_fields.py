"""Fields of extensions: in groups, measures, rules, orders and relations they are like those of the entity itself."""

from decimal import Decimal

import pytest
import sqlalchemy as sa

from crmkit import (
    Decimals,
    Grant,
    Integer,
    Mask,
    Money,
    MultiChoice,
    Owned,
    Role,
    UnknownFieldError,
    average,
    computed,
    count,
    entity,
    extension,
    field,
    greatest,
    least,
    total,
    translator,
)
from crmkit.testing import both_databases, plugin

_ = translator("tests")
VERBS = ["read", "create", "update"]


@entity("shop.client", label=_("Client"))
class Client(Owned):
    name: str = field(default="-")


@extension(of="shop.client")
class Loyalty:
    tier: str = field(default="basic")
    points: int | None = field(default=10)
    fee: Decimal | None = field(Decimals(scale=2), default=None)
    spent: Money | None = field(default=Money.of("1.50", "EUR"))
    marks: tuple[str, ...] | None = field(MultiChoice(["a", "b"]), default=("a",))

    @computed(Integer(), needs=["points"])
    def stars(self):
        return None if self.points is None else self.points * 2 + 1


ROLES = [
    Role("shop.clerk", _("Clerk"), [Grant("shop.client", VERBS, "team")]),
    Role("shop.guest", _("Guest"), [Grant("shop.client", VERBS, "team")], [Mask("shop.client", ["loyalty.tier"])]),
    Role("shop.clerk_without_points", _("Clerk"), [Grant("shop.client", VERBS, "team")], [
        Mask("shop.client", ["loyalty.points"])]),
    Role("shop.clerk_without_stars", _("Clerk"), [Grant("shop.client", VERBS, "team")], [
        Mask("shop.client", ["loyalty.stars"])]),
]  # fmt: skip


@pytest.fixture
def crm(make_crm, database, clock):
    shop = plugin("shop", entities=[Client], roles=ROLES)
    return make_crm(shop, plugin("loyalty", entities=[Loyalty], requires=["shop"]), database=database, clock=clock)


@pytest.fixture
def person(people):
    return lambda role: people.user(role, team="North", also=["South"], roles=[f"shop.{role}"])


@pytest.fixture
def clients(crm, person):
    """Make six clients that everybody in the team sees, and one that nobody does; the first has no loyalty."""
    written = [
        {},
        {"marks": ("b",)},
        {"tier": "gold", "points": 40, "fee": Decimal("1.25"), "spent": Money.of(7, "EUR")},
        {"tier": "gold", "points": None, "spent": None, "marks": ("a", "b")},
        {"points": 2**62, "marks": None},
        {"tier": "iron", "points": 2, "fee": Decimal("2.25")},
    ]
    clerk = person("clerk")
    with crm.system("test") as db:
        team = db.access.home_team
        made = db.create_many([Client(name=f"{n}", owner_id=clerk.user_id, team_id=team) for n in range(6)])
        hidden = db.create(Client(name="hidden"))
        for client, values in zip([*made, hidden], [*written, {"tier": "gold", "points": 99}], strict=True):
            db.update(client, {f"loyalty.{name}": value for name, value in values.items()})
    return clerk


@both_databases
def test_records_are_grouped_and_measured_by_fields_of_extensions(crm, clients):
    measures = {
        "n": count(), "points": total("loyalty.points"), "least": least("loyalty.points"), "fee": total("loyalty.fee"),
        "mean": average("loyalty.fee"), "most": greatest("loyalty.stars"), "spent": total("loyalty.spent"),
        "known": count("loyalty.points"), "marked": count("loyalty.marks"),
    }  # fmt: skip
    with crm.read(clients) as db:
        basic, gold, iron = db.aggregate(Client, group_by=["loyalty.tier"], measures=measures)
    assert basic == {
        "loyalty.tier": "basic", "n": 3, "points": 2**62 + 20, "least": 10, "fee": None, "mean": None, "most": 21,
        "spent": Decimal("4.50"), "known": 3, "marked": 2,
    }  # fmt: skip
    assert gold == {
        "loyalty.tier": "gold", "n": 2, "points": 40, "least": 40, "fee": Decimal("1.25"), "mean": Decimal("1.25"),
        "most": 81, "spent": Decimal(7), "known": 1, "marked": 2,
    }  # fmt: skip
    assert (iron["n"], iron["points"], iron["most"]) == (1, 2, 5)


@both_databases
def test_groups_by_fields_of_extensions_have_their_values_and_defaults(crm, clients):
    with crm.read(clients) as db:
        for name, expected in {
            "loyalty.marks": [(("a",), 3), (("a", "b"), 1), (("b",), 1), (None, 1)],
            "loyalty.stars": [(5, 1), (21, 2), (81, 1), (None, 2)],
            "loyalty.points": [(2, 1), (10, 2), (40, 1), (2**62, 1), (None, 1)],
            "loyalty.fee": [(Decimal("1.25"), 1), (Decimal("2.25"), 1), (None, 4)],
        }.items():
            rows = db.aggregate(Client, group_by=name, measures={"n": count()})
            assert [(row[name], row["n"]) for row in rows] == expected
        where = 'loyalty.tier == "gold"'
        both = db.aggregate(Client, group_by=["loyalty.tier", "name"], measures={"n": count()}, where=where)
        assert both == [{"loyalty.tier": "gold", "name": name, "n": 1} for name in "23"]


@pytest.mark.long
@both_databases
def test_money_of_an_extension_is_summed_up_as_it_was_written_last(crm, clients):
    def spent(rule):
        return db.aggregate(Client, measures={"sum": total("loyalty.spent")}, where=rule)[0]["sum"]

    with crm.write(clients) as db:
        gold, basic = db.find(Client, 'name == "2"')[0], db.find(Client, 'name == "0"')[0]
        assert (spent('name == "2"'), spent('name == "0"')) == (Decimal(7), Decimal("1.50"))
        gold = db.update(gold, {"loyalty.spent": None})
        basic = db.update(basic, {"loyalty.points": 11})
        assert (spent('name == "2"'), spent('name == "0"')) == (None, Decimal("1.50"))
        db.update(gold, {"loyalty.spent": Money.of(3, "EUR")})
        assert db.count(Client, 'loyalty.spent == 3 && name == "2"') == 1
        assert db.count(Client, 'loyalty.spent == 1.50 && name == "0"') == 1


@both_databases
def test_computed_field_of_an_extension_is_read_by_rules_orders_and_relations(crm, clients):
    with crm.read(clients) as db:
        names = {client.id: client.name for client in db.find(Client)}
        for rule, expected in (
            ("loyalty.stars > 20", "012"), ("loyalty.stars == 21", "01"), ("loyalty.stars == null", "34"),
            ("loyalty.stars < loyalty.points", ""),
        ):  # fmt: skip
            assert sorted(client.name for client in db.find(Client, rule)) == list(expected), rule
        ordered = [client.name for client in db.stream(Client, order_by="loyalty.stars", size=2)]
        # Without a row of its own a field is sorted as if it were empty.
        assert ordered == ["5", "1", "2", "0", "3", "4"]
        loyalty = db.visible(Loyalty)
        stars = db.execute(sa.select(loyalty.c.record_id, loyalty.c.stars)).all()
        assert {names[id_]: value for id_, value in stars} == {"1": 21, "2": 81, "3": None, "4": None, "5": 5}
        assert Loyalty.of(db, db.find(Client, 'name == "0"')[0]).stars == 21


@both_databases
def test_hidden_field_of_an_extension_is_neither_grouped_nor_measured(crm, person, clients):
    with crm.read(person("guest")) as db:
        for ask in (
            lambda name: db.aggregate(Client, group_by=[name], measures={"n": count()}),
            lambda name: db.aggregate(Client, measures={"n": count(name)}),
        ):
            for hidden in ("loyalty.tier", "loyalty.nosuch", "nosuch.tier"):
                with pytest.raises(UnknownFieldError):
                    ask(hidden)


@pytest.mark.parametrize("role", ["clerk_without_points", "clerk_without_stars"])
def test_computed_field_of_an_extension_is_hidden_by_a_mask_and_with_what_it_needs(crm, person, clients, role):
    with crm.read(person(role)) as db:
        for ask in (
            lambda: db.find(Client, "loyalty.stars > 1"),
            lambda: db.find(Client, order_by="loyalty.stars"),
            lambda: db.aggregate(Client, group_by=["loyalty.stars"], measures={"n": count()}),
            lambda: Loyalty.of(db, db.find(Client)[0]).stars,
            lambda: Loyalty.of(db, db.find(Client, order_by="id")[0]).stars,
        ):
            with pytest.raises(UnknownFieldError):
                ask()
        assert "stars" not in db.visible(Loyalty).c
