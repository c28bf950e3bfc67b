"""Taking out of the bin: what a record refers to must be there, and what went along with it comes back."""

import pytest

from crmkit import (
    Assignment,
    ConflictError,
    CustomField,
    Grant,
    Mask,
    NotFoundError,
    Problem,
    User,
    ValidationError,
    WriteRefusedError,
)
from crmkit.core.policy.people import Membership, Share
from crmkit.testing import People, both_databases
from tests.core.atelier import Artist, Commission, Invoice, atelier
from tests.oracle import extra, trade
from tests.oracle.trade.entities import Deal, Firm, Partner


@pytest.fixture
def drawn(crm, master):
    """An artist, a commission of theirs, and two invoices of that."""
    with crm.write(master) as db:
        artist = db.create(Artist(name="Ada"))
        commission = db.create(Commission(title="Sea", artist_id=artist.id))
        return artist, commission, db.create_many([Invoice(commission_id=commission.id) for _ in range(2)])


def invoices(crm):
    with crm.system("test") as db:
        return {invoice.id for invoice in db.find(Invoice)}


# What a record refers to.


@both_databases
def test_what_refers_to_a_deleted_record_stays_in_the_bin_and_says_what_to_restore_first(crm, master, drawn):
    artist, commission, _invoices = drawn
    with crm.write(master) as db:
        db.delete(commission)
        db.delete(artist)

    message = f"artist_id: atelier.artist {artist.id} is in the bin; restore it first"
    with pytest.raises(ValidationError, match=message), crm.write(master) as db:
        db.restore(Commission, commission.id)
    with crm.write(master) as db:
        db.restore(Artist, artist.id)
        assert db.restore(Commission, commission.id).artist_id == artist.id


@both_databases
def test_it_does_not_tell_that_a_record_is_in_the_bin_to_those_who_may_not_restore_it(crm, people, drawn):
    artist, commission, _invoices = drawn
    keeper = people.role("keeper", [Grant("atelier.commission", ["read", "delete"], "all")])
    person = people.user("Karla", roles=[keeper])
    with crm.system("test") as db:
        db.delete_many([commission, artist])

    with pytest.raises(ConflictError, match="conflicts with another record"), crm.write(person) as db:
        db.restore(Commission, commission.id)


@both_databases
def test_it_does_not_name_a_hidden_reference(crm, people, drawn):
    artist, commission, _invoices = drawn
    grants = [Grant("atelier.commission", ["read", "delete"], "all")]
    person = people.user("Karla", roles=[people.role("keeper", grants, [Mask("atelier.commission", ["artist_id"])])])
    with crm.system("test") as db:
        db.delete_many([commission, artist])

    with pytest.raises(ConflictError, match="conflicts with another record"), crm.write(person) as db:
        db.restore(Commission, commission.id)


@both_databases
def test_what_a_record_refers_to_may_be_hidden_if_it_is_there(crm, people, drawn):
    _artist, commission, _invoices = drawn
    person = people.user(
        "Karla", roles=[people.role("keeper", [Grant("atelier.commission", ["read", "delete"], "all")])]
    )
    with crm.system("test") as db:
        db.delete(commission)
    with crm.write(person) as db:
        assert db.restore(Commission, commission.id).stage == "asked"


# What went along.


@both_databases
def test_what_a_delete_took_along_comes_back_with_it(crm, master, drawn):
    _artist, commission, bills = drawn
    with crm.write(master) as db:
        db.delete(bills[0])
    with crm.write(master) as db:
        db.delete(commission)
    assert invoices(crm) == set()

    with crm.write(master) as db:
        db.restore(Commission, commission.id)

    assert invoices(crm) == {bills[1].id}
    with crm.read(master) as db:
        entries = db.history(db.get(Invoice, bills[1].id))
    assert [(entry.kind, entry.depth) for entry in entries] == [("create", 0), ("delete", 1), ("restore", 1)]


@both_databases
def test_what_was_deleted_by_itself_in_the_same_transaction_does_not_come_back(crm, master, drawn):
    _artist, commission, bills = drawn
    with crm.write(master) as db:
        db.delete(bills[0])
        db.delete(commission)
        db.restore(Commission, commission.id)

    assert invoices(crm) == {bills[1].id}


@pytest.mark.long
@both_databases
def test_only_what_one_may_restore_comes_back(crm, people, drawn):
    _artist, commission, bills = drawn
    grants = [Grant("atelier.commission", ["read", "delete"], "all"), Grant("atelier.invoice", ["read"], "all")]
    person = people.user("Karla", roles=[people.role("keeper", grants)])
    with crm.write(person) as db:
        db.delete(commission)
        db.restore(Commission, commission.id)

    assert invoices(crm) == set()
    with crm.system("test") as db:
        assert db.restore(Invoice, bills[0].id).commission_id == commission.id


@both_databases
def test_what_refers_to_something_else_that_is_gone_waits_for_it(make_crm, database):
    crm = make_crm(trade, extra, database=database)
    with crm.system("test") as db:
        firm, deal = db.create(Firm(name="Firm")), db.create(Deal(name="Deal"))
        partner = db.create(Partner(deal_id=deal.id, firm_id=firm.id))
        db.delete_many([firm, deal])
    with crm.system("test") as db:
        db.restore(Firm, firm.id)
        assert db.find(Partner) == []
        db.restore(Deal, deal.id)
        assert [back.id for back in db.find(Partner)] == [partner.id]


@both_databases
def test_it_waits_for_what_a_field_made_at_run_time_refers_to(crm, master, drawn):
    _artist, commission, bills = drawn
    with crm.system("test") as db:
        where = {"options": {"entity": "atelier.artist"}}
        db.create(CustomField(entity="atelier.invoice", key="payer_id", type="reference", label="Payer", **where))
    with crm.system("test") as db:
        payer = db.create(Artist(name="Payer"))
        db.update(bills[0], {"custom.payer_id": payer.id})
        db.delete(commission)
        db.delete(payer)
    with crm.write(master) as db:
        db.restore(Commission, commission.id)
    assert invoices(crm) == {bills[1].id}


@both_databases
def test_rights_do_not_come_back(crm, people, drawn):
    person = people.user("Camille", team="Studio", also=["Bench"], roles=["atelier.painter"])
    with crm.system("test") as db:
        db.share(drawn[1], user=person.user_id)
        db.delete(db.get(User, person.user_id))
        db.restore(User, person.user_id)
        for right in (Assignment, Membership, Share):
            assert [found for found in db.find(right) if found.user_id == person.user_id] == []


@both_databases
def test_a_restore_that_is_refused_for_what_would_come_back_restores_nothing(make_crm, database):
    def crmkit_check_write(writes):
        return [
            Problem("paid", place) for place, w in enumerate(writes) if w.kind == "restore" and "invoice" in w.entity.id
        ]

    crm = make_crm(atelier(hooks=[crmkit_check_write]), database=database)
    master = People(crm).user("Berthe", team="Studio", roles=["atelier.master"])
    with crm.write(master) as db:
        commission = db.create(Commission(title="Sea"))
        db.create(Invoice(commission_id=commission.id))
        db.delete(commission)
    with crm.write(master) as db, pytest.raises(WriteRefusedError):
        db.restore(Commission, commission.id)

    with crm.read(master) as db, pytest.raises(NotFoundError):
        db.get(Commission, commission.id)
