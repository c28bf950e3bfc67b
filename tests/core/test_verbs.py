"""Verbs: services of plugins called by name, with values of JSON, through the wall."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

import attrs
import pytest

from crmkit import (
    ForbiddenError,
    Grant,
    Mask,
    Money,
    NoVerbError,
    Owned,
    PluginError,
    Record,
    Role,
    Target,
    ValidationError,
    Verb,
    call_verb,
    entity,
    field,
    new_id,
    translator,
    verbs_for,
)
from crmkit.core.verbs.types import schema_of
from crmkit.testing import both_databases, plugin

_ = translator("tests")


@entity("shop.client", label=_("Client"))
class Client(Owned):
    name: str = field()
    worth: Money | None = field(default=None)
    secret: str | None = field(default=None)


@entity("shop.vault", label=_("Vault"))
class Vault(Record):
    name: str = field()


@attrs.frozen
class Line:
    text: str
    price: Decimal = Decimal(1)


@attrs.frozen
class Everything:
    client: Client
    money: Money
    day: date
    at: datetime
    kind: Literal["a", "b"]
    number: int
    truth: bool
    id: UUID
    target: Target
    lines: Sequence[Line]
    maybe: str | None
    others: Sequence[Client] = ()
    more: str = "usual"


@attrs.frozen
class Praise:
    client: Client
    worth: Money | None = None
    others: Sequence[Client] = ()


@attrs.frozen
class Praised:
    client: Client
    by: str
    all: Sequence[Client]


seen = []


def see(db, **given):
    seen.append(given)


def praise(db, client, worth=None, others=()):
    changed = db.update(client, worth=worth or Money.of(1, "EUR"))
    if changed.name == "Bad":
        raise ForbiddenError("shop.client", "praise", changed.id)
    return Praised(changed, "somebody", db.find(Client))


ROLES = [
    Role("shop.clerk", _("Clerk"), [Grant("shop.client", ["read", "create", "update"], "own")],
         [Mask("shop.client", ["secret"])]),
    Role("shop.keeper", _("Keeper"), [Grant("shop.vault", ["read"], "all")]),
]  # fmt: skip
VERBS = [
    Verb("shop.see", _("See"), see, "shop.client", Everything, writes=False),
    Verb("shop.praise", _("Praise"), praise, "shop.client", Praise, Praised),
    Verb("shop.open_vault", _("Open"), see, "shop.vault"),
]


def shop(**more):
    return plugin("shop", entities=[Client, Vault], roles=ROLES, **more)


@pytest.fixture
def crm(make_crm, database, clock):
    seen.clear()
    return make_crm(shop(verbs=VERBS), database=database, clock=clock)


@pytest.fixture
def anna(people):
    return people.user("Anna", team="North", roles=["shop.clerk"])


@pytest.fixture
def clients(crm, anna):
    with crm.write(anna) as db:
        return db.create_many([Client(name="Acme", secret=None), Client(name="Bad")])


def given(client, **changed):
    return {
        "client": str(client.id), "money": {"amount": "1.50", "currency": "EUR"}, "day": "2026-03-02",
        "at": "2026-03-02T12:00:00Z", "kind": "a", "number": 3, "truth": True, "id": str(client.id),
        "target": {"entity": "shop.client", "id": str(client.id)},
        "lines": [{"text": "x"}, {"text": "y", "price": "2"}], "maybe": None,
    } | changed  # fmt: skip


def test_arguments_are_read_by_their_types(crm, anna, clients):
    client = clients[0]
    with crm.read(anna) as db:
        assert call_verb(db, "shop.see", given(client, others=[str(client.id)])) is None
    assert seen == [
        {
            "client": client,
            "money": Money.of("1.50", "EUR"),
            "day": date(2026, 3, 2),
            "at": datetime(2026, 3, 2, 12, tzinfo=UTC),
            "kind": "a",
            "number": 3,
            "truth": True,
            "id": client.id,
            "target": Target("shop.client", client.id),
            "lines": [Line("x", Decimal(1)), Line("y", Decimal(2))],
            "maybe": None,
            "others": [client],
        }
    ]


@pytest.mark.parametrize(
    ("place", "value"),
    [("client", "nosuch"), ("client", None), ("client", 5), ("money", {"amount": 1.5, "currency": "EUR"}),
     ("money", "1.50"), ("day", "yesterday"), ("at", "2026-03-02T12:00:00"), ("kind", "c"), ("number", "3"),
     ("number", True), ("truth", 1), ("id", "x"), ("target", "x"), ("lines", {}), ("lines.0.text", 5),
     ("lines.0.price", 1.5), ("maybe", 1), ("nosuch", 1), ("more", None), ("more", "a\0"), ("others.0", "x")],
)  # fmt: skip
def test_argument_that_is_not_accepted_is_told_with_its_place(crm, anna, clients, place, value):
    asked = given(clients[0], others=[str(clients[0].id)])
    *path, last = [int(part) if part.isdigit() else part for part in place.split(".")]
    inner = asked
    for part in path:
        inner = inner[part]
    inner[last] = value
    with crm.read(anna) as db, pytest.raises(ValidationError) as refused:
        call_verb(db, "shop.see", asked)
    assert [problem.facts["field"] for problem in refused.value.problems] == [place]
    assert not seen


def test_what_is_missing_is_told_all_at_once(crm, anna, clients):
    with crm.read(anna) as db, pytest.raises(ValidationError) as refused:
        call_verb(db, "shop.see", {})
    assert len(refused.value.problems) == 11


@both_databases
def test_verb_is_done_whole_or_not_at_all_and_tells_what_may_be_read(crm, anna, clients):
    with crm.write(anna) as db:
        told = call_verb(db, "shop.praise", {"client": str(clients[0].id), "worth": {"amount": "7", "currency": "EUR"}})
        with pytest.raises(ForbiddenError):
            call_verb(db, "shop.praise", {"client": str(clients[1].id)})
    assert told["client"]["worth"] == {"amount": "7.00", "currency": "EUR"}
    assert "secret" not in told["client"]
    assert [client["name"] for client in told["all"]] == ["Bad", "Acme"]
    with crm.read(anna) as db:
        assert {client.name: client.worth for client in db.find(Client)} == {"Acme": Money.of(7, "EUR"), "Bad": None}


@pytest.mark.long
def test_hidden_record_is_answered_as_none_and_a_hidden_verb_as_none(crm, people, clients, anna):
    otto = people.user("Otto", team="South", roles=["shop.clerk"])
    with crm.write(otto) as db:
        told = []
        for id_ in (clients[0].id, new_id()):
            with pytest.raises(ValidationError) as refused:
                call_verb(db, "shop.praise", {"client": str(id_)})
            told.append(str(refused.value).replace(str(id_), "ID"))
        assert told[0] == told[1]
        assert [verb.id for verb in verbs_for(db.access)] == ["shop.praise", "shop.see"]
        for hidden in ("shop.open_vault", "shop.nosuch"):
            with pytest.raises(NoVerbError):
                call_verb(db, hidden, {})


@both_databases
def test_verb_that_writes_takes_no_merged_record_where_one_that_reads_takes_what_it_went_into(crm, anna, clients):
    winner, loser = clients
    with crm.system("test") as db:
        db.merge(winner, [loser])
    told = []
    for id_ in (loser.id, new_id()):
        for asked in ({"client": str(id_)}, {"client": str(winner.id), "others": [str(winner.id), str(id_)]}):
            with crm.write(anna) as db, pytest.raises(ValidationError) as refused:
                call_verb(db, "shop.praise", asked)
            told.append(str(refused.value).replace(str(id_), "ID"))
    assert told[:2] == told[2:]
    with crm.read(anna) as db:
        assert db.get(Client, winner.id).worth is None
        call_verb(db, "shop.see", given(loser, others=[str(loser.id)]))
    assert (seen[0]["client"].id, [each.id for each in seen[0]["others"]]) == (winner.id, [winner.id])


@attrs.frozen
class Strange:
    what: complex


@pytest.mark.parametrize(
    ("verb", "reason"),
    [
        (Verb("shop.x", _("X"), see, "shop.nosuch"), "shop.x: there is no entity 'shop.nosuch'"),
        (Verb("shop.x", _("X"), see, "shop.client", dict), "shop.x: its arguments are declared by an attrs class"),
        (Verb("shop.x", _("X"), see, "shop.client", Strange), "no argument of the type .*complex.* can be read"),
        (Verb("other.x", _("X"), see, "shop.client"), "other.x"),
    ],
)
def test_verb_that_cannot_work_keeps_the_plugin_from_loading(make_crm, verb, reason):
    with pytest.raises(PluginError, match=reason):
        make_crm.blank(shop(verbs=[verb]))


def test_verb_is_declared_once(make_crm):
    with pytest.raises(PluginError, match=r"verb shop\.see"):
        make_crm.blank(shop(verbs=[VERBS[0], VERBS[0]]))


def test_schema_describes_what_is_accepted():
    schema = schema_of(Everything, lambda entity: {"title": entity})
    assert schema["properties"]["client"] == {"title": "shop.client"}
    assert schema["properties"]["kind"] == {"enum": ["a", "b"]}
    assert schema["properties"]["lines"]["items"]["required"] == ["text"]
    assert schema["properties"]["maybe"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert len(schema["required"]) == 11
