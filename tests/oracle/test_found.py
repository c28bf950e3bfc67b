"""What the oracle has found, each in its smallest form."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from crmkit import (
    ConflictError,
    ForbiddenError,
    Grant,
    Mask,
    NotFoundError,
    Rule,
    Target,
    UnknownFieldError,
    ValidationError,
)
from crmkit.core.custom_fields.entity import CustomField
from crmkit.core.verifying.ledger import verify_ledger
from crmkit.testing import both_databases
from tests.oracle import extra, trade
from tests.oracle.extra.entities import DealExtra
from tests.oracle.trade.entities import Deal, Firm, Line, Note, Partner

EVERYTHING = ["read", "create", "update", "delete", "move", "transfer", "share"]


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm(trade, extra, database=database, clock=clock)


@pytest.fixture
def somebody(people):
    """Return a function that makes a user with some grants and masks."""

    def make(*grants, masks=(), name="Some"):
        people.role(f"role of {name}", grants, masks)
        return people.user(name, roles=[f"role of {name}"])

    return make


@pytest.fixture
def pair(crm):
    """A firm and a deal that refers to it."""
    with crm.system("test") as db:
        firm = db.create(Firm(name="Firm", city="Berlin"))
        return firm, db.create(Deal(name="Deal", firm_id=firm.id))


@pytest.mark.parametrize("granted", [True, False])
def test_a_link_with_a_hidden_end_is_no_relation(crm, somebody, pair, granted):
    grants = [Grant("trade.deal", ["read"], "all"), Grant("trade.firm", ["read"], "all")]
    grants += [Grant("trade.partner", ["read"], "all")] if granted else []
    reader = somebody(*grants, masks=[Mask("trade.partner", ["firm_id"])])
    with crm.system("test") as db:
        db.create(Partner(deal_id=pair[1].id, firm_id=pair[0].id))
    with crm.read(reader) as db:
        for relation in ("partners", "nosuch"):
            with pytest.raises(UnknownFieldError, match=f"trade.deal has no field '{relation}'"):
                db.expand([pair[1]], relation)


def test_safe_relation_of_an_extension_has_its_own_columns(crm, somebody, pair):
    reader = somebody(Grant("trade.deal", ["read"], "all"), masks=[Mask("trade.deal", ["extra.hint"])])
    with crm.system("test") as db:
        db.update(pair[1], {"extra.points": 3, "extra.hint": "hidden"})
    with crm.read(reader) as db:
        relation = db.visible(DealExtra)
        assert set(relation.c.keys()) == {"record_id", "points", "grade", "sponsor_id"}
        assert db.execute(sa.select(relation.c.record_id, relation.c.points)).all() == [(pair[1].id, 3)]


def test_what_refers_twice_to_a_deleted_record_is_emptied_once(crm, pair):
    with crm.system("test") as db:
        firm = db.create(Firm(name="Other"))
        deal = db.update(pair[1], {"backup_id": firm.id, "extra.sponsor_id": firm.id})
        db.delete(firm)
    with crm.system("test") as db:
        found = db.get(Deal, deal.id)
        assert (found.backup_id, DealExtra.of(db, found).sponsor_id, found.version) == (None, None, deal.version + 1)


def test_what_goes_with_one_record_and_is_emptied_of_another_goes(crm, pair):
    with crm.system("test") as db:
        firm = db.create(Firm(name="Other"))
        line = db.create(Line(deal_id=pair[1].id, firm_id=firm.id))
        db.delete_many([firm, pair[1]])
        assert [gone.id for gone in db.find(Line, deleted=True)] == [line.id]


def test_an_external_id_leads_only_to_what_is_visible(crm, somebody, pair):
    berliner = somebody(Grant("trade.firm", ["read"], Rule.parse('city == "Berlin"')))
    with crm.system("test") as db:
        far = db.create(Firm(name="Far", city="Bonn"))
        db.external.give("erp", Firm, {"near": pair[0].id, "far": far.id})
    with crm.write(berliner) as db:
        assert set(db.external.find("erp", Firm, ["near", "far", "none"])) == {"near"}


def test_an_external_id_in_the_bin_is_told_to_those_who_may_restore(crm, somebody, pair):
    looker = somebody(Grant("trade.deal", ["read"], "all"), name="Looker")
    keeper = somebody(Grant("trade.deal", ["read", "delete"], "all"), name="Keeper")
    with crm.system("test") as db:
        db.external.give("erp", Deal, {"gone": pair[1].id})
        db.delete(pair[1])
    for person, told in ((looker, {}), (keeper, {"gone": True})):
        with crm.write(person) as db:
            found = db.external.find("erp", Deal, ["gone"])
            assert {name: known.is_deleted for name, known in found.items()} == told


def test_a_record_is_named_by_those_who_made_it_or_may_change_it(crm, somebody, pair):
    maker = somebody(Grant("trade.deal", ["read", "create"], "all"))
    with crm.write(maker) as db:
        db.external.give("erp", Deal, {"mine": db.create(Deal(name="Mine")).id})
    with pytest.raises(ForbiddenError), crm.write(maker) as db:
        db.external.give("erp", Deal, {"his": pair[1].id})
    with pytest.raises(NotFoundError), crm.write(maker) as db:
        db.external.give("erp", Firm, {"firm": pair[0].id})


def test_the_forbidden_is_refused_before_anything_else_is_said(crm, somebody, pair):
    looker = somebody(*(Grant(entity, ["read"], "all") for entity in ("trade.firm", "trade.deal")))
    for write in (
        lambda db: db.delete(pair[0]),
        lambda db: db.transfer(pair[1], pair[0].id),
        lambda db: db.move(pair[1], "nowhere"),
        lambda db: db.update(pair[1], nosuch=1),
        lambda db: db.update(pair[1], name=pair[1].name),
        lambda db: db.create(Deal(name="New", firm_id=pair[1].id, stage="nowhere")),
    ):
        with pytest.raises(ForbiddenError), crm.write(looker) as db:
            write(db)
    with pytest.raises(ConflictError), crm.system("test") as db:
        db.delete(pair[0])


def test_the_default_of_an_extension_where_nothing_was_written_changes_nothing(crm, pair):
    with crm.system("test") as db:
        assert db.update(pair[1], {"extra.points": 0, "extra.hint": None}).version == pair[1].version
        told = db.history(db.update(pair[1], {"extra.points": 4}))[-1]
        assert told.changes == {"extra.points": (0, 4)}


def test_an_attempt_that_reads_the_history_loses_no_entry(crm, pair):
    with crm.system("test") as db:
        changed = db.update(pair[1], name="Changed")
        with pytest.raises(RuntimeError), db.attempt():
            db.history(changed)
            raise RuntimeError
    with crm.system("test") as db:
        assert [entry.kind for entry in db.history(changed)] == ["create", "update"]
        assert verify_ledger(db._connection, crm.schema) == 3


def test_where_a_reference_to_any_entity_is_empty_can_be_asked(crm, pair):
    with crm.system("test") as db:
        about, empty = (
            db.create(Note(body="About", about=Target("trade.firm", pair[0].id))),
            db.create(Note(body="Empty")),
        )
        assert [note.id for note in db.find(Note, "about == null")] == [empty.id]
        assert [note.id for note in db.find(Note, "about != null")] == [about.id]


@both_databases
def test_a_computed_number_is_a_whole_one_in_a_safe_relation_too(crm, somebody, pair):
    reader = somebody(Grant("trade.deal", ["read"], "all"))
    with crm.system("test") as db:
        db.update(pair[1], size=3)
    with crm.read(reader) as db:
        area = db.execute(sa.select(db.visible(Deal).c.area)).scalar()
        assert (area, type(area)) == (9, int)


def test_a_new_record_is_refused_as_a_whole_before_the_next_one_of_its_batch(crm, somebody):
    masks = [Mask("trade.deal", ["custom.mood"], "read_only"), Mask("trade.deal", ["size"])]
    with crm.system("test") as db:
        db.create(CustomField(entity="trade.deal", key="mood", type="text", label="Mood"))
    writer = somebody(Grant("trade.deal", EVERYTHING, "all"), masks=masks)
    closed, hidden = Deal(name="First", custom={"mood": "wild"}), Deal(name="Second", size=3)
    with crm.write(writer) as db:
        with pytest.raises(ValidationError, match="mood"):
            db.create_many([closed, hidden])
        with pytest.raises(UnknownFieldError, match="size"):
            db.create_many([hidden, closed])


def test_shares_of_a_merged_record_are_those_of_what_it_went_into(crm, somebody, pair):
    reader = somebody(Grant("trade.firm", ["read", "share"], "all"), Grant("core.user", ["read"], "all"))
    other = somebody(name="Other")
    with crm.system("test") as db:
        loser = db.create(Firm(name="Firm again"))
        db.share(loser, user=reader.user_id, level="read")
        db.share(pair[0], user=other.user_id, level="write")
        db.merge(pair[0], [loser])
    with crm.read(reader) as db:
        assert db.shares(loser) == db.shares(pair[0])
        assert [share.level for share in db.shares(loser)] == ["write"]
