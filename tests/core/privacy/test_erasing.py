import pytest
import sqlalchemy as sa

from crmkit import (
    CRM,
    ConflictError,
    ForbiddenError,
    Grant,
    LegalHold,
    LegalHoldError,
    NotFoundError,
    Target,
    User,
    erase_person,
    finish_erasures,
    preview_erasure,
    purge_entity,
)
from crmkit.core.custom_entities.entity import CustomEntity
from crmkit.core.errors import InapplicableVerbError
from crmkit.core.migrating import apply
from crmkit.core.migrating.parking import park
from crmkit.core.verifying import examine
from crmkit.plugins.customers.entities import Company, Contact, Interaction
from crmkit.plugins.sales.entities import Deal
from crmkit.plugins.workspace.entities import File
from crmkit.testing import both_databases
from tests.core.privacy.club import Invoice
from tests.core.privacy.somebody import CANARY, make_somebody, sell_to, traces


def findings(crm):
    with crm.storage.reading() as connection:
        return [str(finding) for finding in examine(crm.model, connection)]


@pytest.mark.long
@both_databases
def test_after_an_erasure_nothing_is_left_of_the_person(crm, officer):
    contact = make_somebody(crm, officer)
    assert {"customers_contact", "core_ledger_payload", "core_job", "club_customers_contact"} <= set(traces(crm))

    with crm.write(officer) as db:
        erase_person(db, contact)
    finish_erasures(crm)

    assert traces(crm) == []
    assert findings(crm) == []


@pytest.mark.long
@both_databases
def test_records_that_must_stay_are_emptied_and_so_is_the_person_they_refer_to(crm, officer):
    contact = make_somebody(crm, officer)
    deal, invoice = sell_to(crm, contact)

    with crm.write(officer) as db:
        erase_person(db, contact)
    finish_erasures(crm)

    assert traces(crm) == []
    assert findings(crm) == []
    with crm.read(officer) as db:
        assert db.get(Deal, deal.id).contact_id == contact.id
        left = db.get(Contact, contact.id)
        assert (left.name, left.email, left.number) == ("erased", None, contact.number)
        kept = db.get(Invoice, invoice.id)
        assert (kept.address, kept.tax_number, kept.total, kept.page) == ("erased", "T-1", 10, None)
        assert [entry.kind for entry in db.history(left)][-1] == "erased"
        assert all(not entry.changes for entry in db.history(left))


@both_databases
def test_what_was_emptied_goes_on_like_any_record(crm, officer):
    contact = make_somebody(crm, officer)
    sell_to(crm, contact)
    with crm.write(officer) as db:
        erase_person(db, contact)
    with crm.write(officer) as db:
        db.update(db.get(Contact, contact.id), city="Berlin")

    assert findings(crm) == []


def test_preview_says_what_goes_and_what_stays_and_changes_nothing(crm, officer):
    contact = make_somebody(crm, officer)
    sell_to(crm, contact)
    with crm.read(officer) as db:
        seen = preview_erasure(db, contact)

    assert ("workspace.comment", 2, None) in [(r.entity, r.count, r.reason) for r in seen.records]
    reasons = {record.entity: str(record.reason) for record in seen.records if record.reason}
    assert reasons == {
        "customers.contact": "records that stay refer to it",
        "club.invoice": "invoices are kept for ten years",
    }
    assert "customers_contact" in traces(crm)


def test_whoever_may_not_erase_is_refused_and_whoever_does_not_see_is_told_nothing(crm, officer, people):
    contact = make_somebody(crm, officer)
    reader = people.user("Rita", roles=[people.role("reading", [Grant("customers.contact", ["read"], "all")])])
    nobody = people.user("Nora")
    with crm.write(reader) as db, pytest.raises(ForbiddenError):
        erase_person(db, contact)
    with crm.write(nobody) as db, pytest.raises(NotFoundError):
        erase_person(db, contact)


def test_what_the_caller_does_not_see_goes_too_and_is_not_told(crm, officer, people):
    contact = make_somebody(crm, officer)
    eraser = people.user("Eve", roles=[people.role("e", [Grant("customers.contact", ["read", "erase"], "all")])])
    with crm.write(eraser) as db:
        told = erase_person(db, contact)
    finish_erasures(crm)

    assert [(record.entity, record.count) for record in told.records] == [("customers.contact", 1)]
    assert traces(crm) == []


def test_only_people_are_erased_and_users_are_not(crm, officer):
    with crm.write(officer) as db:
        company = db.create(Company(name="Quint"))
        with pytest.raises(InapplicableVerbError, match="not people"):
            erase_person(db, company)
        with pytest.raises(InapplicableVerbError, match="offboard"):
            erase_person(db, db.get(User, officer.user_id))


def test_content_that_another_record_has_stays(crm, officer):
    contact = make_somebody(crm, officer)
    with crm.write(officer) as db:
        company = db.create(Company(name="Quint"))
        (file,) = db.find(File)
    with crm.system("test") as db:
        values = {"name": "a.txt", "content_type": "text/plain", "size": 7, "content_hash": file.content_hash}
        db.create(File(regarding=Target.of(company), **values))
    with crm.write(officer) as db:
        erase_person(db, contact)

    assert finish_erasures(crm).contents == 0
    assert crm.contents.has(file.content_hash)


@both_databases
def test_a_legal_hold_keeps_the_person_and_what_is_about_it(crm, officer, people):
    contact = make_somebody(crm, officer)
    with crm.write(officer) as db:
        hold = db.create(LegalHold(record=Target.of(contact), reason="Case 7"))
    with crm.write(officer) as db, pytest.raises(LegalHoldError):
        erase_person(db, contact)
    with crm.write(officer) as db, pytest.raises(LegalHoldError):
        db.delete(db.find(Interaction)[0])
    with crm.write(officer) as db, pytest.raises(LegalHoldError):
        db.merge(contact, [db.create(Contact(name="Twin"))])
    with crm.write(officer) as db:
        db.delete(hold)
        erase_person(db, contact)


def test_whoever_does_not_see_a_hold_is_refused_without_being_told_why(crm, officer, people):
    with crm.write(officer) as db:
        contact = db.create(Contact(name="Quint"))
        db.create(LegalHold(record=Target.of(contact), reason="Case 7"))
        share = db.share(contact, user=officer.user_id)
    with crm.write(officer) as db, pytest.raises(LegalHoldError):
        db.delete(contact)
    grants = [Grant("customers.contact", ["read", "delete", "erase"], "all")]
    other = people.user("Otto", roles=[people.role("cleaning", grants)])
    with crm.write(other) as db, pytest.raises(ConflictError):
        db.delete(contact)
    with crm.write(other) as db, pytest.raises(ConflictError):
        preview_erasure(db, contact)
    with crm.write(officer) as db:
        assert db.unshare(contact, user=share.user_id) == 1


@pytest.mark.long
def test_an_erasure_that_fails_changes_nothing(crm, officer):
    contact = make_somebody(crm, officer)
    before = sorted(traces(crm))
    with pytest.raises(RuntimeError), crm.write(officer) as db:
        erase_person(db, contact)
        raise RuntimeError

    assert sorted(traces(crm)) == before
    assert findings(crm) == []


def test_whoever_is_erased_in_the_transaction_that_made_them_leaves_nothing(crm, officer):
    with crm.write(officer) as db:
        erase_person(db, db.create(Contact(name=CANARY)))
    finish_erasures(crm)

    assert traces(crm) == []
    assert findings(crm) == []


def test_erasures_are_remembered_by_ids_alone(crm, officer):
    contact = make_somebody(crm, officer)
    with crm.write(officer) as db:
        erase_person(db, contact)
    table = crm.schema.system.erasure
    with crm.storage.reading() as connection:
        rows = connection.execute(sa.select(table.c.entity, table.c.record_id)).all()

    assert ("customers.contact", contact.id) in [tuple(row) for row in rows]
    assert [column.name for column in table.columns] == ["id", "entity", "record_id", "at"]


@pytest.mark.long
@both_databases
def test_what_a_parked_plugin_has_is_told_and_its_references_still_lead_somewhere(crm, officer):
    contact = make_somebody(crm, officer)
    deal, _invoice = sell_to(crm, contact)
    rest = CRM(crm.config, plugins=[each for each in crm.plugins if each.name != "sales"], clock=crm.clock)
    park(rest, "sales")
    with rest.write(officer) as db:
        assert erase_person(db, contact).parked == ("sales",)
        assert db.get(Contact, contact.id).name == "erased"
    rest.close()
    apply(crm)

    with crm.read(officer) as db:
        assert db.get(Deal, deal.id).contact_id == contact.id


def test_what_a_removed_entity_has_is_told_until_it_is_purged(crm, officer):
    contact = make_somebody(crm, officer)
    with crm.system("test") as db:
        db.create(CustomEntity(slug="visit", label="Visit", follows="customers.contact"))
    with crm.system("test") as db:
        definition = db.find(CustomEntity)[0]
        db.create(db.model.registry.entity("custom.visit").cls(name="Visit", contact_id=contact.id))
    with crm.system("test") as db:
        db.delete(db.get(CustomEntity, definition.id))
    with crm.write(officer) as db:
        assert preview_erasure(db, contact).removed == ("custom.visit",)
    with crm.system("test") as db:
        purge_entity(db, definition.id)
    with crm.write(officer) as db:
        assert erase_person(db, contact).removed == ()


@both_databases
def test_records_of_entities_made_at_run_time_that_belong_to_the_person_go_too(crm, officer):
    with crm.write(officer) as db:
        db.create(CustomEntity(slug="pet", label="Pet", follows="customers.contact"))
    with crm.write(officer) as db:
        contact = db.create(Contact(name=CANARY))
        pet = db.model.registry.entities["custom.pet"].cls
        reference = next(f for f in db.model.registry.entities["custom.pet"].fields.values() if f.relation == "contact")
        db.create(pet(name=f"{CANARY} junior", **{reference.name: contact.id}))
    with crm.write(officer) as db:
        erase_person(db, contact)
        assert db.find(pet) == []
    finish_erasures(crm)

    assert traces(crm) == []
    assert findings(crm) == []
