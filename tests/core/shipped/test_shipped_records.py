"""Records that plugins ship: made, edited here, and merged with what the plugin ships later."""

from itertools import product

import pytest
from hypothesis import given, strategies as st

from crmkit import (
    CRM,
    NotFoundError,
    Owned,
    PluginError,
    Principal,
    Shipped,
    ShippedKind,
    Text,
    decide_edit,
    edited_thing,
    entity,
    field,
    local_edits,
    reset_edit,
)
from crmkit.core.entity import entity_info
from crmkit.core.shipped.records import RecordKind
from crmkit.core.shipped.settling import settle_shipped
from crmkit.core.text import Text as Label
from crmkit.testing import People, both_databases, plugin

SYSTEM = Principal(None, "system", "test")


@entity("board.card", label=Label("Card"))
class Card(Owned):
    title: str = field()
    colour: str = field(default="white")
    parts: str | None = field(Text(max=200), default=None)


KIND = ShippedKind("board.card", ["title", "colour", "parts"], words=["parts"])
BOARD = plugin("board", entities=[Card], shipped_kinds=[KIND])


def card(name="plan", **values):
    return Shipped(f"shop.{name}", "board.card", {"title": "Plan", **values})


@pytest.fixture
def ship(make_crm, database):
    """Open the CRM with what another version of the plugin ships, and bring the records up to date."""
    pattern, opened = make_crm(BOARD, plugin("shop"), database=database), []

    def ship(*shipped, version="1.0", others=(), board=BOARD):
        plugins = [board, plugin("shop", shipped=shipped, version=version), *others]
        crm = CRM(pattern.config, plugins=plugins, clock=pattern.clock)
        opened.append(crm)
        with crm.system("test") as db:
            settle_shipped(db)
        return crm

    yield ship
    for crm in opened:
        crm.close()


def cards(crm):
    with crm.read(SYSTEM) as db:
        return db.find(Card, order_by="title")


def change(crm, **values):
    with crm.system("test") as db:
        (found,) = db.find(Card)
        return db.update(found, values)


def remove(crm):
    with crm.system("test") as db:
        db.delete_many(db.find(Card))


def states(crm, thing="shop.plan"):
    with crm.read(SYSTEM) as db:
        return {each.place: each.state for each in edited_thing(db, "board.card", thing).merged.differences}


VALUES = ("red", "green", "blue")
HERE = [None, *product(VALUES, VALUES)]


@both_databases
def test_every_record_is_merged_by_the_rules(ship):
    """All there is to a thing of two fields: removed or one of nine forms here, and one of these forms, shipped."""
    cases = list(enumerate(product(HERE, HERE)))
    base = ("red", "red")

    def forms(which):
        for place, (_here, shipped) in cases:
            form = base if which == 1 else shipped
            if form is not None:
                yield card(f"c{place}", title=f"{place} {form[0]}", colour=form[1])

    first = ship(*forms(1))
    with first.system("test") as db:
        made = {int(each.title.split()[0]): each for each in db.find(Card)}
        for place, (here, _shipped) in cases:
            if here is None:
                db.delete(made[place])
            else:
                db.update(made[place], title=f"{place} {here[0]}", colour=here[1])
    second = ship(*forms(2), version="2.0")

    found = {int(each.title.split()[0]): (each.title.split()[1], each.colour) for each in cards(second)}
    with second.read(SYSTEM) as db:
        told = {int(each.thing.removeprefix("shop.c")): each for each in local_edits(db)}
    for place, (here, shipped) in cases:
        pending = {each.place for each in told[place].pending} if place in told else set()
        if here is None:
            wanted, asked = None, ({"*"} if shipped not in (None, base) else set())
        elif shipped is None:
            wanted, asked = (None, set()) if here == base else (here, {"*"})
        else:
            sides = list(zip(base, here, shipped, strict=True))
            wanted = tuple(ours if ours != was else theirs for was, ours, theirs in sides)
            clash = [ours != was and theirs not in (was, ours) for was, ours, theirs in sides]
            asked = {name for name, is_one in zip(("title", "colour"), clash, strict=True) if is_one}
        assert (found.get(place), pending) == (wanted, asked), (here, shipped)
    with second.system("test") as db:
        assert settle_shipped(db) == []


@both_databases
def test_what_both_change_stays_and_is_decided_by_name(ship):
    change(ship(card()), title="Mine", colour="red")
    second = ship(card(title="Theirs", parts="a b"), version="2.0")
    assert [(each.title, each.colour, each.parts) for each in cards(second)] == [("Mine", "red", "a b")]
    assert states(second) == {"title": "conflict", "colour": "edited"}

    admin = People(second).user("Ada", roles=["core.administrator"])
    with second.write(admin) as db:
        edited = edited_thing(db, "board.card", "shop.plan")
        assert (edited.base_version, edited.version) == ("2.0", "2.0")
        told = {each.place: (each.base, each.local, each.upstream) for each in edited.pending}
        assert told == {"title": ("Plan", "Mine", "Theirs")}
        assert decide_edit(db, "board.card", "shop.plan", "theirs").pending == edited.pending
        assert decide_edit(db, "board.card", "shop.plan", "theirs", ["title"]).pending == ()
    assert [each.title for each in cards(second)] == ["Theirs"]
    third = ship(card(title="Newer"), version="3.0")
    assert [(each.title, each.colour) for each in cards(third)] == [("Newer", "red")]


def test_edit_decides_about_what_it_touches_and_nothing_else(ship):
    change(ship(card()), title="Mine", colour="red")
    second = ship(card(title="Theirs", colour="blue"), version="2.0")
    change(second, title="Again mine")

    assert states(second) == {"title": "edited", "colour": "conflict"}


def test_words_are_merged_one_by_one(ship):
    change(ship(card(parts="a b c")), parts="c a x")
    second = ship(card(parts="a b c d"), version="2.0")

    (merged,) = cards(second)
    assert merged.parts.split() == ["c", "d", "a", "x"]
    assert states(second)["parts/b"] == "edited"


@both_databases
def test_what_was_removed_never_comes_back_until_it_is_reset(ship):
    first = ship(card())
    remove(first)
    for version, shipped in (
        ("1.1", [card()]),
        ("2.0", [card(colour="red")]),
        ("3.0", []),
        ("4.0", [card(colour="x")]),
    ):
        later = ship(*shipped, version=version)
        assert cards(later) == []

    admin = People(later).user("Ada", roles=["core.administrator"])
    with later.write(admin) as db:
        reset_edit(db, "board.card", "shop.plan")
    assert [each.colour for each in cards(later)] == ["x"]
    with later.read(admin) as db:
        assert local_edits(db) == []


def test_what_is_kept_though_the_plugin_dropped_it_is_decided(ship):
    change(ship(card()), title="Mine")
    second = ship(version="2.0")
    assert [each.title for each in cards(second)] == ["Mine"]
    assert states(second) == {"*": "conflict"}

    with second.system("test") as db:
        decide_edit(db, "board.card", "shop.plan", "theirs", ["*"])
        with pytest.raises(NotFoundError):
            edited_thing(db, "board.card", "shop.plan")
    assert cards(second) == []


def test_plugin_that_is_not_there_takes_nothing_away(ship, make_crm):
    ship(card())
    without = ship(others=[plugin("other")])
    assert cards(without) == []

    ship(card())
    crm = CRM(without.config, plugins=[BOARD], clock=without.clock)
    with crm.system("test") as db:
        assert settle_shipped(db) == []
    assert [each.title for each in cards(crm)] == ["Plan"]
    crm.close()


def test_downgrade_is_merged_as_an_upgrade_is(ship):
    first = ship(card())
    change(first, colour="red")
    ship(card(title="Newer", colour="blue"), version="2.0")
    again = ship(card())

    assert [(each.title, each.colour) for each in cards(again)] == [("Plan", "red")]


def test_only_who_may_edit_what_is_shipped_sees_and_decides(ship):
    change(ship(card()), title="Mine")
    second = ship(card(title="Theirs"), version="2.0")
    people = People(second)
    clerk = people.user("Sam", roles=["board.everything"])
    with second.write(clerk) as db:
        assert local_edits(db) == []
        with pytest.raises(NotFoundError):
            decide_edit(db, "board.card", "shop.plan", "theirs", ["title"])


def test_history_says_what_an_upgrade_made_of_it(ship):
    ship(card())
    second = ship(card(colour="red"), version="2.0")

    with second.read(SYSTEM) as db:
        (found,) = db.find(Card)
        assert [entry.kind for entry in db.history(found)] == ["create", "update"]


def test_one_thing_that_cannot_be_written_keeps_no_other_from_coming(ship, caplog):
    def crmkit_check_write(context, writes):
        from crmkit import Problem

        return [Problem("no") for write in writes if write.values.get("title") == "Bad"]

    board = plugin("board", entities=[Card], shipped_kinds=[KIND], hooks=[crmkit_check_write])
    crm = ship(card("bad", title="Bad"), card(), board=board)

    assert [each.title for each in cards(crm)] == ["Plan"]
    assert "shop.bad cannot be made as it is shipped" in caplog.text


@pytest.mark.parametrize(
    ("kind", "shipped", "reason"),
    [
        (KIND, card(size=3), "there is no field 'size'; there are title, colour, parts"),
        (KIND, card(colour=3), "expected"),
        (KIND, Shipped("shop.plan", "board.card", {}), "title must have a value"),
        (ShippedKind("board.card", ["size"]), card(), "'size' is none of the fields"),
        (ShippedKind("board.box", ["title"]), card(), "there is no entity 'board.box'"),
    ],
)
def test_declaration_that_does_not_fit_is_refused(make_crm, kind, shipped, reason):
    with pytest.raises(PluginError, match=reason):
        make_crm(plugin("board", entities=[Card], shipped_kinds=[kind]), plugin("shop", shipped=[shipped]))


def test_what_nobody_keeps_is_not_shipped(make_crm):
    crm = make_crm(plugin("shop", shipped=[card()]))
    with crm.system("test") as db:
        assert settle_shipped(db) == []


WORDS = st.lists(st.sampled_from(["name", "size", "age"]), unique=True).map(lambda words: " ".join(words) or None)


@given(st.text(max_size=5), st.sampled_from(VALUES), WORDS)
def test_record_is_read_as_it_was_written(title, colour, parts):
    kind = RecordKind("board.card", "board.card", ("title", "colour", "parts"), dict, frozenset({"parts"}))
    values = {"title": title, "colour": colour, "parts": parts}
    info = entity_info(Card)

    assert kind.plain(info, kind.tree(values)) == values
    assert kind.tree(kind.plain(info, kind.tree(values))) == kind.tree(values)
    assert kind.plain(info, kind.tree({})) == {}
