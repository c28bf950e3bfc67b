"""Records are objects of JSON that have what their reader may read, and values are read from such objects."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from crmkit import (
    CustomField,
    Decimals,
    Grant,
    Integer,
    Json,
    Mask,
    Money,
    MultiChoice,
    Number,
    Owned,
    Record,
    Target,
    Team,
    UnknownFieldError,
    ValidationError,
    any_ref,
    computed,
    entity,
    extension,
    field,
    read_values,
    ref,
    represent,
    translator,
)
from crmkit.core.representing.reading import new_record
from crmkit.testing import both_databases, plugin

_ = translator("tests")
VERBS = ["read", "create", "update", "delete"]


@entity("shop.region", label=_("Region"))
class Region(Record):
    name: str = field()
    head_id: UUID | None = ref("core.user", default=None)


@entity("shop.visitor", label=_("Visitor"))
class Visitor(Record):
    client_id: UUID = ref("shop.client")
    region_id: UUID = ref("shop.region")


@entity("shop.client", label=_("Client"), links={"regions": "shop.visitor"})
class Client(Owned):
    number: str = field(Number("K"), init=False)
    name: str = field()
    rate: Decimal | None = field(Decimals(scale=9), default=None)
    worth: Money | None = field(default=None)
    since: date | None = field(default=None)
    seen_at: datetime | None = field(default=None)
    marks: tuple[str, ...] = field(MultiChoice(["a", "b"]), default=())
    notes: object = field(Json(), factory=dict)
    regarding: Target | None = any_ref(default=None)
    region_id: UUID | None = ref("shop.region", default=None)
    secret: str | None = field(default=None)

    @computed(Integer(), needs=["name"])
    def length(self):
        return len(self.name)


@extension(of="shop.client")
class Loyalty:
    tier: str = field(default="basic")
    fee: Decimal | None = field(Decimals(scale=2), default=None)
    margin: int | None = field(default=None)


HIDDEN = ["secret", "loyalty.margin", "custom.hidden", "length"]
GRANTS = [Grant(name, VERBS, "all") for name in ("shop.client", "shop.region", "shop.visitor")]


@pytest.fixture
def crm(make_crm, database, clock):
    shop = plugin("shop", entities=[Client, Region, Visitor])
    return make_crm(shop, plugin("loyalty", entities=[Loyalty], requires=["shop"]), database=database, clock=clock)


@pytest.fixture
def clerk(crm, people):
    with crm.system("test") as db:
        for key, kind in (("size", "decimal"), ("hidden", "text"), ("at", "datetime")):
            db.create(CustomField(entity="shop.client", key=key, label=key, type=kind))
        db.create(CustomField(entity="shop.client", key="near_id", label="near", type="reference", options={
            "entity": "shop.region"}))  # fmt: skip
    return people.user("Clerk", team="North", roles=[people.role("clerk", GRANTS, [Mask("shop.client", HIDDEN)])])


@pytest.fixture
def client(crm, clerk):
    """A client with a value in every field."""
    with crm.system("test") as db:
        north, south = db.create_many([Region(name="North", head_id=clerk.user_id), Region(name="South")])
        made = db.create(Client(
            name="Käufer", rate=Decimal("0.000000001"), worth=Money.of("12.5", "EUR"), since=date(2026, 1, 2),
            seen_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), marks=("b", "a"), notes={"k": [1, None]},
            regarding=Target("shop.region", south.id), region_id=north.id, secret="s", owner_id=clerk.user_id,
            custom={"size": Decimal("1.50"), "hidden": "h", "at": datetime(2026, 1, 1, tzinfo=UTC),
                "near_id": south.id},
        ))  # fmt: skip
        db.create(Visitor(client_id=made.id, region_id=south.id))
        db.update(made, {"loyalty.tier": "gold", "loyalty.fee": Decimal("0.10"), "loyalty.margin": 7})
    return made


def shown(crm, principal, client, **options):
    with crm.read(principal) as db:
        (found,) = represent(db, [db.get(Client, client.id)], **options)
    # What it returns is JSON already.
    assert json.loads(json.dumps(found)) == found
    return found


@both_databases
def test_record_is_an_object_of_what_its_reader_may_read(crm, clerk, client):
    found = shown(crm, clerk, client)
    assert found == {
        "id": str(client.id), "version": 2, "created_at": "2026-03-02T12:00:00Z", "updated_at": "2026-03-02T12:00:00Z",
        "created_by": None, "deleted_at": None, "owner_id": str(clerk.user_id), "team_id": found["team_id"],
        "number": "K-000001", "name": "Käufer", "rate": "0.000000001",
        "worth": {"amount": "12.50", "currency": "EUR"}, "since": "2026-01-02", "seen_at": "2026-01-02T03:04:05Z",
        "marks": ["a", "b"], "notes": {"k": [1, None]},
        "regarding": {"entity": "shop.region", "id": str(client.regarding.id)}, "region_id": str(client.region_id),
        "custom": {"size": "1.50", "at": "2026-01-01T00:00:00Z", "near_id": str(client.regarding.id)},
        "loyalty": {"tier": "gold", "fee": "0.10"},
    }  # fmt: skip


@both_databases
def test_records_without_a_row_of_an_extension_have_its_defaults_and_those_in_the_bin_their_values(crm, clerk, client):
    with crm.write(clerk) as db:
        plain = db.create(Client(name="Plain"))
        db.delete_many(db.find(Visitor))
        db.delete(db.get(Client, client.id))
        gone = db.find(Client, deleted=True)
        tiers = [each["loyalty"]["tier"] for each in represent(db, [*gone, plain])]
    assert tiers == ["gold", "basic"]


@both_databases
def test_extension_of_a_record_that_is_not_visible_tells_nothing(crm, people, client):
    nobody = people.user("Nobody")
    with crm.read(people.user("Other", roles=["clerk"])) as db:
        record = db.get(Client, client.id)
    with crm.read(nobody) as db:
        assert represent(db, [record]) == [{"id": str(client.id), "version": 2}]


def test_fields_are_picked_also_those_of_extensions_and_of_groups(crm, clerk, client):
    picked = shown(crm, clerk, client, fields=["name", "loyalty.fee", "custom.size"])
    assert picked == {"id": str(client.id), "name": "Käufer", "loyalty": {"fee": "0.10"}, "custom": {"size": "1.50"}}
    assert shown(crm, clerk, client, fields=["loyalty"])["loyalty"] == {"tier": "gold", "fee": "0.10"}
    assert shown(crm, clerk, client, fields=["custom"])["custom"].keys() == {"size", "at", "near_id"}
    assert shown(crm, clerk, client, fields=[]) == {"id": str(client.id)}


@pytest.mark.parametrize("name", [*HIDDEN, "nosuch"])
def test_picking_what_is_hidden_is_answered_as_what_does_not_exist(crm, clerk, client, name):
    with pytest.raises(UnknownFieldError) as caught:
        shown(crm, clerk, client, fields=["name", name])
    assert str(caught.value) == f"shop.client has no field {name!r}."


@both_databases
def test_records_behind_relations_are_shown_with_the_record(crm, clerk, client):
    found = shown(
        crm,
        clerk,
        client,
        expand=["region.head", "regions", "custom.near"],
        fields=["region.head", "name", "regions.name"],
    )
    north, south = str(client.region_id), str(client.regarding.id)
    assert found["name"] == "Käufer"
    assert found["region"] == {"id": north, "head": found["region"]["head"]}
    assert found["region"]["head"]["name"] == "Clerk"
    assert found["regions"] == [{"id": south, "name": "South"}]
    assert found["custom"]["near"]["id"] == south


def test_relation_that_leads_nowhere_visible_is_null_and_a_hidden_one_is_unknown(crm, people, clerk, client):
    with crm.write(clerk) as db:
        db.update(db.get(Client, client.id), region_id=None)
    assert shown(crm, clerk, client, expand=["region"])["region"] is None
    with pytest.raises(UnknownFieldError):
        shown(crm, clerk, client, expand=["nosuch"])


def test_values_are_read_from_what_a_record_is_shown_as(crm, clerk, client):
    with crm.write(clerk) as db:
        before = shown(crm, clerk, client)
        given = {
            name: before[name] for name in ("name rate worth since seen_at marks notes regarding region_id".split())
        }
        given |= {"custom": before["custom"], "loyalty": before["loyalty"]}
        record, beside = new_record(
            db.model.registry.entity(Client), read_values(db, Client, json.loads(json.dumps(given)))
        )
        copy = db.update(db.create(record), beside)
        (after,) = represent(db, [copy])
    assert {name: after[name] for name in given} == given


@pytest.mark.parametrize(
    "name", ["secret", "nosuch", "loyalty.margin", "custom.hidden", "custom.nosuch", "loyalty.nosuch"]
)
def test_reading_what_is_hidden_is_refused_like_what_does_not_exist_whatever_else_is_wrong(crm, clerk, client, name):
    outer, _dot, inner = name.partition(".")
    given = {"rate": "x", outer: {inner: {}} if inner else {}}
    with crm.read(clerk) as db, pytest.raises(UnknownFieldError) as caught:
        read_values(db, Client, given)
    assert str(caught.value) == f"shop.client has no field {name!r}."


PROTECTED = "id version created_at updated_at created_by deleted_at number".split()


@pytest.mark.parametrize("name", PROTECTED)
def test_what_crmkit_sets_is_refused(crm, clerk, name):
    with crm.read(clerk) as db, pytest.raises(ValidationError, match=f"{name}: is set by crmkit") as caught:
        read_values(db, Client, {name: "x"})
    assert caught.value.problems[0].facts["problem"] == "read-only"


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({"rate": 1.5}, "rate: expected text such as 12.50, got '1.5'"),
        ({"rate": 1}, "rate: expected text such as 12.50, got '1'"),
        ({"rate": "1e"}, "rate: 1e is no number"),
        ({"worth": "12 EUR"}, "worth: expected {amount, currency}, got '12 EUR'"),
        ({"worth": {"amount": "1", "currency": "EUR", "more": 1}}, "worth: expected {amount, currency}"),
        ({"worth": {"amount": "1.234", "currency": "EUR"}}, "worth: No amount of money: EUR has 2 decimal digits"),
        ({"worth": {"amount": 1.5, "currency": "EUR"}}, "worth: expected text such as 12.50"),
        ({"regarding": {"entity": "shop.region", "id": "x"}}, "regarding: expected any_reference"),
        ({"seen_at": "2026-01-02T03:04:05"}, "seen_at: .* has no time zone"),
        ({"seen_at": 0}, "seen_at: expected datetime"),
        ({"since": "2026-13-01"}, "since: expected date"),
        ({"region_id": "x"}, "region_id: expected reference"),
        ({"marks": "a"}, "marks: expected list"),
        ({"custom": {"size": 1}}, "custom.size: expected text such as 12.50"),
        ({"custom": None}, "custom: expected a JSON object"),
        ({"loyalty": []}, "loyalty: expected a JSON object"),
        ([], ": expected a JSON object"),
    ],
)  # fmt: skip
def test_values_that_are_none_of_their_field_are_refused(crm, clerk, given, refused):
    with crm.read(clerk) as db, pytest.raises(ValidationError, match=f"shop.client: {refused}"):
        read_values(db, Client, given)


@pytest.mark.parametrize("name", ["custom.size", "loyalty.tier", ""])
def test_names_with_a_dot_are_no_fields_as_what_they_mean_stands_in_an_object(crm, clerk, name):
    with crm.read(clerk) as db, pytest.raises(UnknownFieldError):
        read_values(db, Client, {name: None})


@pytest.mark.long
def test_patch_changes_parts_of_what_is_an_object(crm, clerk, client):
    with crm.write(clerk) as db:
        record = db.get(Client, client.id)
        patch = {
            "worth": {"amount": "3"},
            "notes": {"k": None, "n": {"deep": 1}},
            "regarding": {"id": str(client.region_id)},
        }
        after = db.update(record, read_values(db, Client, patch, over=record))
        assert (after.worth, after.notes) == (Money.of(3, "EUR"), {"n": {"deep": 1}})
        assert after.regarding == Target("shop.region", client.region_id)
        with pytest.raises(ValidationError, match="worth: expected {amount, currency}"):
            read_values(db, Client, {"worth": {"currency": None}}, over=after)


def test_required_values_that_are_not_given_are_refused_by_the_write(crm, clerk):
    with crm.write(clerk) as db:
        record, _beside = new_record(db.model.registry.entity(Client), {})
        with pytest.raises(ValidationError, match="name: a value is required"):
            db.create(record)


def test_records_of_several_entities_keep_their_order(crm, clerk, client):
    with crm.read(clerk) as db:
        team, region = db.find(Team)[0], db.get(Region, client.region_id)
        assert [each["name"] for each in represent(db, [team, db.get(Client, client.id), region])] == [
            "North",
            "Käufer",
            "North",
        ]
