"""Sections and time lines: what plugins show around a record, and that nobody sees more of it than elsewhere."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from crmkit import (
    Grant,
    Mask,
    Money,
    Move,
    NotFoundError,
    Owned,
    Pipeline,
    Pipelined,
    PluginError,
    Record,
    Role,
    Section,
    Stage,
    Target,
    Through,
    TimelinePart,
    any_ref,
    count,
    entity,
    field,
    ref,
    total,
    translator,
)
from crmkit.core.reading.limits import LimitError
from crmkit.core.reading.ordering import CursorError
from crmkit.core.storage.prepared import Prepared
from crmkit.testing import People, both_databases, plugin

_ = translator("tests")
EVERYTHING = ("read", "create", "update", "delete", "move", "transfer", "share", "export")


@entity("house.client", label=_("Client"))
class Client(Owned):
    name: str = field()
    parent_id: UUID | None = ref("house.client", default=None)


@entity("house.order", label=_("Order"))
class Order(Owned, Pipelined):
    name: str = field()
    client_id: UUID | None = ref("house.client", default=None)
    price: Money | None = field(default=None)
    rank: int | None = field(default=None)


@entity("house.visit", label=_("Visit"))
class Call(Owned):
    name: str = field()
    at: datetime | None = field(default=None)
    regarding: Target | None = any_ref(default=None)


@entity("house.guest", label=_("Guest"))
class Guest(Record):
    call_id: UUID = ref("house.visit", follows=True)
    client_id: UUID = ref("house.client")


ORDERS = Section(
    "house.orders",
    _("Orders"),
    "house.order",
    via="client",
    where='stage == "new"',
    order_by="rank",
    limit=2,
    fields=["name", "price"],
    measures={"price": total("price"), "ranked": count("rank")},
    rank=2,
)
CALLS = Section(
    "house.calls",
    _("Calls"),
    "house.visit",
    via=["regarding", "regarding.client", Through("house.guest", "call_id", "client")],
    order_by="-at",
    rank=1,
)
PARTS = [
    TimelinePart("house.moves", _("Moves"), "house.order", via="client"),
    TimelinePart("house.talks", _("Calls"), "house.visit", via=CALLS.via, at="at"),
]
ROLES = [
    Role(
        "house.clerk",
        _("Clerk"),
        [
            *(Grant(f"house.{name}", EVERYTHING, "own") for name in ("client", "order", "visit")),
            Grant("house.guest", EVERYTHING, "all"),
        ],
    ),
    Role("house.desk", _("Desk"), [Grant("house.client", ["read"], "all")]),
    Role("house.eye", _("Eye"), [Grant("house.client", ["read", "update"], "all")]),
]
PIPELINE = Pipeline(
    "house.default",
    "house.order",
    _("Orders"),
    stages=[Stage("new", _("New")), Stage("done", _("Done"), "won")],
    moves=[Move("new", "done")],
)


def house(*shown):
    def crmkit_register_sections():
        return shown

    return plugin(
        "house",
        entities=[Client, Order, Call, Guest],
        roles=ROLES,
        pipelines=[PIPELINE],
        hooks=[crmkit_register_sections],
    )


@pytest.fixture
def crm(make_crm, clock, database):
    return make_crm(house(ORDERS, CALLS, *PARTS), clock=clock, database=database)


@pytest.fixture
def anna(people):
    return people.user("Anna", team=people.team("Berlin"), roles=["house.clerk"])


@pytest.fixture
def client(crm, anna):
    with crm.write(anna) as db:
        return db.create(Client(name="Acme"))


def shown(crm, principal, record):
    with crm.read(principal) as db:
        return {found.section.id: [each.name for each in found.records] for found in db.sections(record)}


@pytest.fixture
def statements(monkeypatch):
    """Return the statements that are run from now on, prepared ones and others."""
    seen, run = [], Prepared._run

    def spy(self, *given, **more):
        seen.append(self.sql)
        return run(self, *given, **more)

    def see(_connection, _cursor, statement, *_rest):
        seen.append(statement)

    monkeypatch.setattr(Prepared, "_run", spy)
    sa.event.listen(sa.Engine, "before_cursor_execute", see)
    yield seen
    sa.event.remove(sa.Engine, "before_cursor_execute", see)


# Sections.


@both_databases
def test_sections_come_by_rank_with_their_first_records_and_measures_over_all(crm, anna, client):
    with crm.write(anna) as db:
        for rank, price in ((3, "5"), (1, "7.5"), (2, None), (None, "1")):
            price = price and Money.of(price, "EUR")
            db.create(Order(name=f"rank {rank}", rank=rank, price=price, client_id=client.id))
        db.create(Order(name="of nobody"))
        done = db.create(Order(name="done", client_id=client.id))
        db.move(done, "done")

    with crm.read(anna) as db:
        calls, orders = db.sections(client)

    assert (calls.section, calls.records, calls.count) == (CALLS, [], 0)
    assert [order.name for order in orders.records] == ["rank 1", "rank 2"]
    assert (orders.count, orders.fields) == (4, ("name", "price"))
    assert orders.measures == {"price": 13.5, "ranked": 3}


@both_databases
def test_section_finds_records_by_every_route_once(crm, anna, client, clock):
    with crm.write(anna) as db:
        order = db.create(Order(name="order", client_id=client.id))
        other = db.create(Client(name="Other"))
        targets = {"direct": client, "by order": order, "elsewhere": other, "as guest": other, "both": client}
        calls = {name: db.create(Call(name=name, regarding=Target.of(about))) for name, about in targets.items()}
        db.create_many([Guest(call_id=calls[name].id, client_id=client.id) for name in ("as guest", "both")])

    assert sorted(shown(crm, anna, client)["house.calls"]) == ["as guest", "both", "by order", "direct"]
    assert sorted(shown(crm, anna, other)["house.calls"]) == ["as guest", "elsewhere"]


@both_databases
def test_number_of_statements_is_the_same_however_much_there_is(make_crm, clock, database, statements):
    numbers = set()
    for sections, records in (([ORDERS], 1), ([ORDERS, CALLS, *PARTS], 1), ([ORDERS, CALLS, *PARTS], 300)):
        more = [Section(f"house.more_{n}", _("More"), "house.order", via="client") for n in range(records // 30)]
        crm = make_crm(house(*sections, *more), clock=clock, database=database)
        anna = People(crm).user("Anna", roles=["house.clerk"])
        with crm.write(anna) as db:
            client = db.create(Client(name="Acme"))
            db.create_many([Order(name=str(n), client_id=client.id) for n in range(records)])
            db.create_many([Call(name=str(n), at=clock.now(), regarding=Target.of(client)) for n in range(records)])
        with crm.read(anna) as db:
            statements.clear()
            assert len(db.sections(client)) == len(more) + len(sections[:2])
            db.timeline(client)
            numbers.add(len(statements))

    assert len(numbers) == 1, numbers


def test_section_of_an_entity_that_one_may_not_read_is_absent(crm, anna, client, people):
    with crm.write(anna) as db:
        db.create(Order(name="order", client_id=client.id))

    assert shown(crm, people.user("Desk", roles=["house.desk"]), client) == {}


@both_databases
def test_section_holds_and_counts_only_what_one_sees(crm, anna, client, people):
    eve = people.user("Eve", team="Paris", roles=["house.clerk", "house.desk"])
    with crm.write(anna) as db:
        db.create(Order(name="hidden", client_id=client.id, price=Money.of(1, "EUR")))
        deleted = db.create(Order(name="deleted", client_id=client.id))
        db.delete(deleted)
    with crm.write(eve) as db:
        db.create(Order(name="own", client_id=client.id, price=Money.of(2, "EUR")))

    with crm.read(eve) as db:
        [orders] = [found for found in db.sections(client) if found.section is ORDERS]
        assert [order.name for order in orders.records] == ["own"]
        assert (orders.count, orders.measures["price"]) == (1, 2)


@both_databases
def test_route_ends_at_a_record_that_one_does_not_see(crm, anna, client, people):
    eve = people.user("Eve", team="Paris", roles=["house.clerk", "house.desk"])
    with crm.write(anna) as db:
        order = db.create(Order(name="order", client_id=client.id))
        call = db.create(Call(name="guest", regarding=Target.of(client)))
    with crm.system("arrange") as db:
        db.create(Call(name="about a hidden order", regarding=Target.of(order), owner_id=eve.user_id))
        mine = db.create(Call(name="mine", owner_id=eve.user_id))
        db.create(Guest(call_id=mine.id, client_id=client.id))
        db.create(Guest(call_id=call.id, client_id=client.id))

    assert shown(crm, eve, client)["house.calls"] == ["mine"]


MASKED = {
    ("house.order", "client_id"): {"house.calls"},
    ("house.order", "stage"): {"house.calls"},
    ("house.visit", "regarding"): {"house.calls", "house.orders"},
    ("house.order", "name"): {"house.calls", "house.orders"},
}


@pytest.mark.parametrize(("field", "left"), MASKED.items(), ids=[".".join(field) for field in MASKED])
def test_section_is_absent_without_a_route_or_its_condition(crm, anna, client, people, field, left):
    people.role("masked", [Grant(f"house.{n}", ["read"], "all") for n in ("client", "order", "visit", "guest")],
                [Mask(field[0], [field[1]])])  # fmt: skip
    with crm.write(anna) as db:
        db.create(Call(name="call", regarding=Target.of(client)))

    with crm.read(people.user("Desk", roles=["masked"])) as db:
        found = {each.section.id: each for each in db.sections(client)}
        assert set(found) == left
        assert found["house.calls"].count == (field[1] != "regarding")
        if field[1] == "name":
            assert found["house.orders"].fields == ("price",)


def test_hidden_field_measures_nothing_and_sorts_nothing(crm, anna, client, people):
    people.role("masked", [Grant("house.client", ["read"], "all"), Grant("house.order", ["read"], "all")],
                [Mask("house.order", ["rank", "price"])])  # fmt: skip
    with crm.write(anna) as db:
        for rank in (1, 2, 3):
            db.create(Order(name=str(rank), rank=rank, client_id=client.id, price=Money.of(1, "EUR")))

    with crm.read(people.user("Desk", roles=["masked"])) as db:
        [orders] = db.sections(client)
        assert (orders.fields, orders.measures) == (("name",), {})
        assert [order.name for order in orders.records] == ["3", "2"]


@both_databases
def test_sum_of_a_section_may_leave_64_bits(crm, anna, client):
    with crm.write(anna) as db:
        for name in "abc":
            db.create(Order(name=name, client_id=client.id, price=Money.of("40000000000000000.01", "EUR")))

    with crm.read(anna) as db:
        [orders] = [found for found in db.sections(client) if found.section is ORDERS]
        assert str(orders.measures["price"]) == "120000000000000000.03"


def test_record_that_one_does_not_see_has_no_sections_and_no_time_line(crm, anna, client, people):
    eve = people.user("Eve", team="Paris", roles=["house.clerk"])

    with crm.read(eve) as db:
        for ask in (db.sections, db.timeline):
            with pytest.raises(NotFoundError) as caught:
                ask(client)
            with pytest.raises(NotFoundError) as nowhere:
                ask(Client(name="never stored", id=client.id))
            assert str(caught.value) == str(nowhere.value)


# Time lines.


def walk(db, record, size):
    entries, after = [], None
    while True:
        page = db.timeline(record, limit=size, after=after)
        assert len(page.entries) <= size
        entries += page.entries
        after = page.next
        if after is None:
            return entries


def told(entry):
    what = entry.change.kind if entry.change else entry.visit.stage if entry.visit else entry.record.name
    return entry.kind, what


@both_databases
def test_time_line_has_records_moves_and_changes_newest_first(crm, anna, client, clock):
    clock.advance(hours=1)
    with crm.write(anna) as db:
        order = db.create(Order(name="order", client_id=client.id))
    clock.advance(hours=1)
    with crm.write(anna) as db:
        db.create(Call(name="call", at=clock.now() - timedelta(minutes=90), regarding=Target.of(client)))
        db.create(Call(name="no moment", regarding=Target.of(client)))
        db.update(client, name="Acme & Sons")
    clock.advance(hours=1)
    with crm.write(anna) as db:
        db.move(order, "done")

    with crm.read(anna) as db:
        entries = db.timeline(client).entries

    expected = [("move", "done"), ("change", "update"), ("move", "new"), ("record", "call"), ("change", "create")]
    assert [told(entry) for entry in entries] == expected
    assert entries[0].visit.entered_by == anna.user_id
    assert entries[1].change.changes == {"name": ("Acme", "Acme & Sons")}
    assert entries[1].change.cause == "Anna"
    assert entries[0].record.name == "order"


@both_databases
@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_pages_of_a_time_line_are_the_whole_whatever_happens_at_one_moment(crm, anna, client, clock, size):
    with crm.write(anna) as db:
        for hours in (0, 0, 0, 1, 1, 2):
            at = clock.now() - timedelta(hours=hours)
            db.create(Call(name=f"{hours}", at=at, regarding=Target.of(client)))
            db.create(Order(name=f"{hours}", client_id=client.id))

    with crm.read(anna) as db:
        whole = db.timeline(client, limit=100)
        assert (len(whole.entries), whole.next) == (13, None)
        assert walk(db, client, size) == whole.entries


def test_time_line_tells_only_what_one_may_read(crm, anna, client, people, clock):
    def role(name, *masks):
        people.role(name, [Grant(f"house.{n}", ["read"], "all") for n in ("client", "order", "visit")], masks)
        return people.user(name, roles=[name])

    with crm.write(anna) as db:
        db.create(Call(name="call", at=clock.now(), regarding=Target.of(client)))
        db.create(Order(name="order", client_id=client.id))
        db.update(client, name="secret")

    def seen(principal):
        with crm.read(principal) as db:
            return db.timeline(client).entries

    everything = {("record", "call"), ("move", "new"), ("change", "update"), ("change", "create")}
    assert {told(entry) for entry in seen(role("all"))} == everything
    assert {told(e) for e in seen(role("no_at", Mask("house.visit", ["at"])))} == everything - {("record", "call")}
    for name in ("stage", "stage_entered_at", "client_id"):
        found = {told(entry) for entry in seen(role(f"no_{name}", Mask("house.order", [name])))}
        assert found == everything - {("move", "new")}
    changes = [entry.change for entry in seen(role("no_name", Mask("house.client", ["name"]))) if entry.change]
    assert all("name" not in change.changes for change in changes)


def test_cause_is_told_to_its_author_and_to_nobody_who_shares_a_statement_with_them(crm, anna, client, people):
    bo, eve = (people.user(name, roles=["house.eye"], member=False) for name in ("Bo", "Eve"))
    with crm.write(bo) as db:
        db.update(client, name="Acme & Bo")
    with crm.read(bo) as first, crm.read(eve) as second:
        assert [db.timeline(client).entries[0].change.cause for db in (first, second)] == ["Bo", ""]


@pytest.mark.parametrize("cursor", ["", "x", "W10", "🦆", "WyIyMDI2LTAxLTAxIiwiYSIsIjEiXQ", "a" * 5000])
def test_cursor_of_no_time_line_is_refused(crm, anna, client, cursor):
    with crm.read(anna) as db, pytest.raises(CursorError):
        db.timeline(client, after=cursor)


def test_cursor_with_the_key_of_another_part_is_refused(crm, anna, client):
    import base64
    import json

    body = json.dumps(["2026-01-01T00:00:00Z", "house.talks", "7"]).encode()
    with crm.read(anna) as db, pytest.raises(CursorError):
        db.timeline(client, after=base64.urlsafe_b64encode(body).decode())


@pytest.mark.parametrize("limit", [0, -1, 1.5, True])
def test_time_line_of_no_length_is_refused(crm, anna, client, limit):
    with crm.read(anna) as db, pytest.raises(LimitError):
        db.timeline(client, limit=limit)


# Declarations.


def section(**more):
    return Section(**{"id": "house.x", "label": _("X"), "entity": "house.order", "via": "client", **more})


def part(**more):
    return TimelinePart(**{"id": "house.x", "label": _("X"), "entity": "house.visit", "via": "regarding", **more})


WRONG = {
    "there is no entity 'house.nosuch'": lambda: section(entity="house.nosuch"),
    "house.order has no relation 'nosuch'": lambda: section(via="nosuch"),
    "house.order has no relation 'client_id'": lambda: section(via="client_id"),
    "house.client has no relation 'nosuch'": lambda: section(via="client.nosuch"),
    "house.guest.client_id is no reference to house.visit": lambda: section(
        entity="house.visit", via=Through("house.guest", "client_id", "client")
    ),
    "house.nosuch.x is no reference": lambda: section(via=Through("house.nosuch", "x", "y")),
    "unknown field 'house.order.nosuch'": lambda: section(order_by="-nosuch"),
    "unknown field 'house.order.shown'": lambda: section(fields=["shown"]),
    "unknown field 'house.order.sum'": lambda: section(measures={"x": total("sum")}),
    "house.order has no field 'wrong'": lambda: section(where="wrong == 1"),
    "'house.visit' is no Pipelined entity": part,
    "'house.visit.name' is no moment": lambda: part(at="name"),
    "begin its id with that name": lambda: section(id="other.x"),
    "its id is <plugin>.<name>": lambda: section(id="X"),
    "name at least one route": lambda: section(via=[]),
    "at least one record": lambda: section(limit=0),
}


@pytest.mark.parametrize(("message", "wrong"), WRONG.items(), ids=list(WRONG))
def test_declaration_that_cannot_be_shown_keeps_the_plugin_from_loading(make_crm, message, wrong):
    with pytest.raises(Exception, match=message) as caught:
        make_crm.blank(house(wrong()))

    assert caught.value.code in ("plugin", "declaration")


def test_two_sections_of_one_id_are_a_named_conflict(make_crm):
    with pytest.raises(PluginError, match="section house.x: is claimed by 'house' and by 'house'"):
        make_crm.blank(house(section(), section()))
