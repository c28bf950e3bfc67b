"""Lists: in any order, under any filter and page by page they are what one would pick and sort by hand."""

from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from random import Random

import pytest
import sqlalchemy as sa

from crmkit import Money, UnknownFieldError, average, count, extension, field, greatest, least, total
from crmkit.core.reading import races
from crmkit.testing import both_databases
from tests.core.atelier import Artist, Commission, atelier

DAY = date(2026, 3, 1)
ORDERS = [
    None, "id", "title", "-title", "price", "-price", "due_on,-price", "-due_on,title", "hours", "-hours,-price",
    "days", "atelier.mark", "-atelier.mark", "-atelier.mark,title", "price,-atelier.mark", "atelier.word,id",
    "stage,-atelier.mark", "id,title", "-id,title", "stage,-id,title", "hours,title,hours",
]  # fmt: skip
RULES = {
    None: lambda deal: True,
    'stage == "asked"': lambda deal: deal["stage"] == "asked",
    "price >= 30 && price < 60": lambda deal: deal["price"] is not None and 30 <= deal["price"] < 60,
    'artist.name == "Ada" && hours > 2': lambda deal: deal["artist"] == "Ada" and deal["hours"] > 2,
    'artist.name != "Ada"': lambda deal: deal["artist"] != "Ada",
    "atelier.mark == 3": lambda deal: deal["mark"] == 3,
    'atelier.word == "fair"': lambda deal: deal["word"] == "fair",
    'atelier.word == "rare" && hours > 2': lambda deal: deal["word"] == "rare" and deal["hours"] > 2,
    'atelier.word == "rare" || hours == 7': lambda deal: deal["word"] == "rare" or deal["hours"] == 7,
    'title.contains("e") && atelier.mark > 2': lambda deal: "e" in deal["title"] and (deal["mark"] or 0) > 2,
}


@extension(of="atelier.commission")
class Grade:
    mark: int | None = field(default=None, indexed=True)
    word: str | None = field(default="fair", indexed=True)


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm(atelier(Grade), database=database, clock=clock)


@pytest.fixture
def everybody(people, master, painter):
    people.team("Rivals")
    rival = people.user("Egon", team="Rivals", roles=["atelier.painter"])
    return {"system": None, "master": master, "painter": painter, "rival": rival}


@pytest.fixture
def deals(crm, everybody):
    """Make 120 commissions of uneven values, some of them shared across teams, and return what they hold."""
    chance, found = Random(7), []
    owners = [p for p in everybody.values() if p is not None]
    with crm.system("test") as db:
        artists = db.create_many([Artist(name=name) for name in ("Ada", "Ben")])
        for _number in range(120):
            owner, artist = chance.choice(owners), chance.choice([None, *artists])
            price = chance.choice([None, *range(0, 100, 7)])
            values = {
                "title": chance.choice(["Sea", "Tree", "上海", "Élan", "sea", "Secret"]),
                "due_on": chance.choice([None, DAY, DAY + timedelta(days=chance.randrange(9))]),
                "hours": chance.randrange(9),
            }
            made = Commission(
                artist_id=artist and artist.id,
                price=None if price is None else Money.of(price, "EUR"),
                owner_id=owner.user_id,
                **values,
            )
            known = {"id": made.id, "price": price, "artist": artist and artist.name, "owner": owner.name}
            found.append((made, {**values, **known, "days": made.days, "stage": "asked", "shared": [], **UNWRITTEN}))
        db.create_many([made for made, _known in found])
        for number, (made, known) in enumerate(found):
            side = {"mark": chance.choice([None, 1, 3, 3, 5]), "word": chance.choice(["fair", "rare", "poor", None])}
            if side != DEFAULTS and number % 3:
                db.update(db.get(Commission, made.id), {f"atelier.{name}": value for name, value in side.items()})
                known |= {**side, **{f"stored_{name}": value for name, value in side.items()}}
            if number % 20 == 0:
                known["stage"] = db.move(db.get(Commission, made.id), "dropped").stage
            if number % 10 == 0:
                known["shared"] = [(user := chance.choice(owners)).name]
                db.share(db.get(Commission, made.id), user=user.user_id)
    return [known for _made, known in found]


# Without a side row a field reads as its default, and is sorted as if it were empty.
DEFAULTS = {"mark": None, "word": "fair"}
UNWRITTEN = {**DEFAULTS, "stored_mark": None, "stored_word": None}
SEES = {"Berthe": {"Berthe", "Camille"}, "Camille": {"Camille"}, "Egon": {"Egon"}}


def is_visible(deal, viewer):
    if viewer is None:
        return True
    if deal["title"] == "Secret" and viewer.name != "Berthe":
        return False
    return deal["owner"] in SEES[viewer.name] or viewer.name in deal["shared"]


def in_order(deals, asked):
    """Return *deals* sorted as *asked*, without a value last, by id where all else is equal: no two have the same."""
    names = (asked or "-id").split(",")
    names.append("-id" if names[-1].startswith("-") else "id")
    for name in reversed(names):
        key, descending = name.lstrip("-").replace("atelier.", "stored_"), name.startswith("-")
        some = [deal for deal in deals if deal[key] is not None]
        none = [deal for deal in deals if deal[key] is None]
        deals = sorted(some, key=lambda deal: deal[key], reverse=descending) + none
    return deals


def ids_of(records):
    return [record.id for record in records]


@contextmanager
def seen_by(crm, viewer):
    with crm.system("test") if viewer is None else crm.read(viewer) as db:
        yield db


@pytest.mark.long
@both_databases
def test_pages_in_any_order_add_up_to_the_sorted_list(crm, everybody, deals):
    for viewer, asked in product(everybody.values(), ORDERS):
        expected = [deal["id"] for deal in in_order([d for d in deals if is_visible(d, viewer)], asked)]
        with seen_by(crm, viewer) as db:
            assert ids_of(db.find(Commission, order_by=asked)) == expected, asked
            assert ids_of(db.find(Commission, order_by=asked, limit=500)) == expected, asked
            assert ids_of(db.find(Commission, order_by=asked, limit=5)) == expected[:5], asked
            assert ids_of(db.stream(Commission, order_by=asked, size=7)) == expected, asked


@pytest.mark.slow
def test_a_list_on_sqlite_is_the_same_whichever_statement_wins(crm, everybody, deals, monkeypatch):
    monkeypatch.setattr(races, "_STEPS", 1)
    monkeypatch.setattr(races, "_STEPS_PER_ROW", 0)

    test_a_filter_keeps_what_the_rule_says_in_any_order(crm, everybody, deals)
    test_pages_in_any_order_add_up_to_the_sorted_list(crm, everybody, deals)


def test_a_statement_that_loses_takes_nothing_of_the_transaction_with_it(crm, deals, monkeypatch):
    monkeypatch.setattr(races, "_STEPS", 1)
    monkeypatch.setattr(races, "_STEPS_PER_ROW", 0)
    with crm.system("test") as db:
        made = db.create(Commission(title="Newest", hours=77))
        assert db.find(Commission, "hours == 77", limit=5) == [made]
        db.update(made, hours=78)
        assert db.find(Commission, "hours == 77", limit=5) == []
    with crm.system("test") as db:
        assert [found.title for found in db.find(Commission, "hours == 78", limit=5)] == ["Newest"]


@pytest.mark.long
@both_databases
def test_a_filter_keeps_what_the_rule_says_in_any_order(crm, everybody, deals):
    for viewer, (rule, holds) in product(everybody.values(), RULES.items()):
        kept = [deal for deal in deals if is_visible(deal, viewer) and holds(deal)]
        with seen_by(crm, viewer) as db:
            assert db.count(Commission, rule) == len(kept), rule
            for asked in (None, "-price,title", "atelier.mark"):
                expected = [deal["id"] for deal in in_order(kept, asked)]
                assert ids_of(db.find(Commission, rule, order_by=asked, limit=9)) == expected[:9], (rule, asked)
                assert ids_of(db.stream(Commission, rule, order_by=asked, size=4)) == expected, (rule, asked)


@both_databases
def test_groups_add_up_over_all_ways_to_see_a_record(crm, everybody, deals):
    for viewer, (rule, holds) in product(everybody.values(), RULES.items()):
        kept = [deal for deal in deals if is_visible(deal, viewer) and holds(deal)]
        with seen_by(crm, viewer) as db:
            measures = {
                "n": count(), "priced": count("price"), "sum": total("price"), "mean": average("price"),
                "least": least("hours"), "latest": greatest("due_on"),
            }  # fmt: skip
            groups = db.aggregate(Commission, group_by=["stage"], measures=measures, where=rule)
            (whole,) = db.aggregate(Commission, measures=measures, where=rule)
        assert groups == [{"stage": s, **measured([d for d in kept if d["stage"] == s])} for s in stages(kept)], rule
        assert whole == measured(kept), rule


@both_databases
def test_statements_that_sum_up_a_safe_relation_say_what_the_aggregate_says(crm, everybody, deals):
    for viewer in everybody.values():
        kept = [deal for deal in deals if is_visible(deal, viewer)]
        with seen_by(crm, viewer) as db:
            seen = db.visible(Commission)
            by_stage = sa.select(seen.c.stage, sa.func.count(), sa.func.sum(seen.c.price)).group_by(seen.c.stage)
            found = {stage: (number, price) for stage, number, price in db.execute(by_stage)}
            assert found == {s: (len(g := of(kept, s)), added(d["price"] for d in g)) for s in stages(kept)}
            assert db.execute(sa.select(sa.func.count()).select_from(seen)).scalar_one() == len(kept)
            long = sa.select(sa.func.max(seen.c.days), sa.func.count().filter(seen.c.title == "Sea"))
            days = [d["days"] for d in kept if d["hours"] > 3]
            expected = (max(days, default=None), sum(d["title"] == "Sea" for d in kept if d["hours"] > 3))
            assert tuple(db.execute(long.where(seen.c.hours > 3)).one()) == expected
            few = sa.select(seen.c.id, sa.func.row_number().over(order_by=seen.c.id)).order_by(seen.c.id).limit(3)
            assert [row[0] for row in db.execute(few)] == sorted(d["id"] for d in kept)[:3]


def of(deals, stage):
    return [deal for deal in deals if deal["stage"] == stage]


def added(values):
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def stages(deals):
    return sorted({deal["stage"] for deal in deals})


def measured(deals):
    prices = [Decimal(deal["price"]) for deal in deals if deal["price"] is not None]
    days = [deal["due_on"] for deal in deals if deal["due_on"] is not None]
    return {
        "n": len(deals),
        "priced": len(prices),
        "sum": sum(prices) if prices else None,
        "mean": sum(prices) / len(prices) if prices else None,
        "least": min((deal["hours"] for deal in deals), default=None),
        "latest": max(days, default=None),
    }


def test_what_stands_behind_the_id_in_an_order_must_still_exist(crm, everybody):
    with crm.read(everybody["master"]) as db, pytest.raises(UnknownFieldError):
        db.find(Commission, order_by="id,nosuch")
