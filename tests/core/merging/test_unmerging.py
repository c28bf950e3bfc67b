"""Unmerging: what a merge did is undone where it still stands, and told where it does not."""

import pytest

from crmkit import Grant, Mask, NotFoundError, Rule, Target
from crmkit.core.errors import ForbiddenError
from crmkit.core.merging.unmerge import MergedFurtherError, NotMergedError
from crmkit.core.verifying import examine
from crmkit.testing import both_databases
from tests.core.merging.conftest import EVERYTHING
from tests.oracle.trade.entities import Deal, Firm, Line, Note, Partner


@pytest.fixture
def firms(crm, steward):
    """Two firms, the second of which has what the first lacks."""
    with crm.write(steward) as db:
        return db.create_many([Firm(name="Acme"), Firm(name="ACME Ltd", tax="t1", city="Bonn")])


def told(unmerged):
    return [(left.entity, left.record_id, left.field, str(left.reason)) for left in unmerged.left]


@both_databases
def test_it_gives_everything_back(crm, steward, firms):
    one, two = firms
    with crm.write(steward) as db:
        deal = db.create(Deal(name="Pilot", firm_id=two.id))
        note = db.create(Note(body="x", about=Target.of(two)))
        db.create_many([Partner(deal_id=deal.id, firm_id=firm.id) for firm in firms])
        db.external.give("erp", Firm, {"two": two.id})
        db.merge(one, [two])
    with crm.write(steward) as db:
        back = db.unmerge(Firm, two.id)
        assert (back.left, back.record.tax, db.get(Firm, one.id).tax, db.get(Firm, one.id).city) == (
            (),
            "t1",
            None,
            None,
        )
        assert db.get(Deal, deal.id).firm_id == db.get(Note, note.id).about.id == two.id
        assert {partner.firm_id for partner in db.find(Partner)} == {one.id, two.id}
        assert db.external.find("erp", Firm, ["two"])["two"].record_id == two.id
        assert db.get(Firm, two.id).name == "ACME Ltd"
        assert [entry.kind for entry in db.history(back.record)] == ["create", "delete", "merge", "restore", "unmerge"]
    with crm.storage.snapshot() as connection:
        assert list(examine(crm.model, connection)) == []


@both_databases
def test_what_was_changed_since_stays_and_is_told(crm, steward, firms):
    one, two = firms
    with crm.write(steward) as db:
        deals = db.create_many([Deal(name=name, firm_id=two.id) for name in "abc"])
        links = db.create_many([Partner(deal_id=deals[2].id, firm_id=firm.id) for firm in firms])
        kept = db.merge(one, [two])
        db.update(kept, city="Berlin")
        other = db.create(Firm(name="Other"))
        db.update(db.get(Deal, deals[0].id), firm_id=other.id)
        db.delete(db.get(Deal, deals[1].id))
        db.delete(db.get(Deal, deals[2].id))
        back = db.unmerge(Firm, two.id)

        assert (db.get(Firm, one.id).city, db.get(Deal, deals[0].id).firm_id) == ("Berlin", other.id)
    assert set(told(back)) == {
        ("trade.firm", one.id, "city", "was changed since"),
        ("trade.deal", deals[0].id, "firm_id", "was changed since"),
        ("trade.deal", deals[1].id, "firm_id", "is in the bin"),
        ("trade.deal", deals[2].id, "firm_id", "is in the bin"),
        ("trade.partner", links[1].id, "", "what it led to is gone"),
    }


def test_what_one_may_not_see_is_not_told(crm, steward, somebody, firms):
    one, two = firms
    grants = [Grant("trade.firm", EVERYTHING, "all"), Grant("trade.deal", ["read"], Rule.parse('name == "seen"'))]
    person = somebody(*grants, masks=[Mask("trade.firm", ["city"])])
    with crm.write(steward) as db:
        deals = db.create_many([Deal(name=name, firm_id=two.id) for name in ("seen", "hidden")])
        kept = db.merge(one, [two])
        db.update(kept, city="Berlin", tax="t2")
        db.update_many([(db.get(Deal, deal.id), {"firm_id": None}) for deal in deals])
    with crm.write(person) as db:
        back = db.unmerge(Firm, two.id)
    assert {(left.entity, left.field) for left in back.left} == {("trade.firm", "tax"), ("trade.deal", "firm_id")}


@both_databases
def test_of_several_losers_each_takes_its_own(crm, steward, firms):
    one, two = firms
    with crm.write(steward) as db:
        three = db.create(Firm(name="Third", secret="s3", tax="t3"))
        deals = db.create_many([Deal(name="x", firm_id=firm.id) for firm in (two, three)])
        db.external.give("erp", Firm, {"two": two.id, "three": three.id})
        db.merge(one, [two, three])
    with crm.write(steward) as db:
        assert db.unmerge(Firm, three.id).left == ()
        kept = db.get(Firm, one.id)
        assert (kept.tax, kept.city, kept.secret) == ("t1", "Bonn", None)
        assert [db.get(Deal, deal.id).firm_id for deal in deals] == [one.id, three.id]
        assert db.external.find("erp", Firm, ["two"])["two"].record_id == one.id
        assert db.get(Firm, two.id).id == one.id
    with crm.write(steward) as db:
        assert db.unmerge(Firm, two.id).left == ()
        assert (db.get(Firm, one.id).tax, db.get(Deal, deals[0].id).firm_id) == (None, two.id)


def test_a_chain_is_taken_apart_from_its_end(crm, steward, firms):
    one, two = firms
    with crm.write(steward) as db:
        three = db.create(Firm(name="Third"))
        line = db.create(Deal(name="x", firm_id=three.id))
        two = db.merge(two, [three])
        db.merge(one, [two])
    with crm.write(steward) as db:
        with pytest.raises(MergedFurtherError, match="unmerge that first"):
            db.unmerge(Firm, three.id)
        db.unmerge(Firm, two.id)
        assert db.get(Deal, line.id).firm_id == db.get(Firm, three.id).id == two.id
        db.unmerge(Firm, three.id)
        assert db.get(Deal, line.id).firm_id == three.id


def test_a_record_that_was_only_deleted_is_not_unmerged(crm, steward, firms):
    with crm.write(steward) as db:
        db.delete(firms[0])
        with pytest.raises(NotMergedError, match="restore it instead"):
            db.unmerge(Firm, firms[0].id)
        with pytest.raises(NotFoundError):
            db.unmerge(Firm, firms[1].id)


def test_the_winner_must_be_there_and_may_be_changed(crm, steward, somebody, firms):
    one, two = firms
    with crm.write(steward) as db:
        db.merge(one, [two])
    remover = somebody(Grant("trade.firm", ["read", "delete"], "all"), name="Remover")
    blind = somebody(Grant("trade.firm", EVERYTHING, Rule.parse('name == "ACME Ltd"')), name="Blind")
    with crm.write(remover) as db, pytest.raises(ForbiddenError):
        db.unmerge(Firm, two.id)
    with crm.write(blind) as db, pytest.raises(MergedFurtherError, match="is not there"):
        db.unmerge(Firm, two.id)
    with crm.write(steward) as db:
        db.delete(db.get(Firm, one.id))
        with pytest.raises(MergedFurtherError, match="is not there"):
            db.unmerge(Firm, two.id)


def test_what_the_stage_requires_by_now_stays(crm, steward):
    with crm.write(steward) as db:
        one, two = db.create_many([Deal(name="One"), Deal(name="Two", size=3)])
        db.move(db.merge(one, [two]), "active")
        assert told(db.unmerge(Deal, two.id)) == [("trade.deal", one.id, "size", "the stage requires a value")]
        assert db.get(Deal, one.id).size == 3


def test_lines_follow_and_come_back(crm, steward):
    with crm.write(steward) as db:
        one, two = db.create_many([Deal(name="One"), Deal(name="Two")])
        line = db.create(Line(deal_id=two.id))
        db.merge(one, [two])
        assert db.get(Line, line.id).deal_id == one.id
        db.unmerge(Deal, two.id)
        assert db.get(Line, line.id).deal_id == two.id
