"""What was away while somebody was erased is erased when it comes back, before anybody can read it."""

from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from crmkit import (
    CRM,
    CustomEntity,
    LegalHold,
    LegalHoldError,
    NotFoundError,
    Target,
    erase_person,
    finish_erasures,
    preview_erasure,
    purge_entity,
)
from crmkit.backup.making import make_backup
from crmkit.backup.restoring import restore_backup
from crmkit.core.errors import ConflictError
from crmkit.core.migrating import apply, park
from crmkit.core.migrating.errors import PluginParkedError
from crmkit.core.privacy.left_out import PluginsLeftOutError
from crmkit.core.privacy.returning import erase_returned
from crmkit.core.verifying import examine
from crmkit.plugins.customers.entities import Contact
from crmkit.plugins.sales.entities import Deal, Lead
from crmkit.plugins.workspace.entities import Comment
from crmkit.testing import both_databases
from tests.backup.conftest import KEY
from tests.core.privacy.somebody import CANARY, make_somebody, traces


def findings(crm):
    with crm.storage.reading() as connection:
        return [str(finding) for finding in examine(crm.model, connection)]


def erase(crm, officer, contact):
    with crm.write(officer) as db:
        erased = erase_person(db, contact)
    finish_erasures(crm)
    return erased


@pytest.fixture
def contact(crm, officer):
    return make_somebody(crm, officer)


@pytest.fixture
def visit(crm, contact):
    """The removed definition of an entity, one of whose records belongs to the contact and one to another one."""
    with crm.system("test") as db:
        made = db.create(CustomEntity(slug="visit", label="Visit", follows="customers.contact"))
    with crm.system("test") as db:
        cls = db.model.registry.entity("custom.visit").cls
        other = db.create(Contact(name="Other"))
        db.create_many([cls(name=f"{CANARY} came", contact_id=contact.id), cls(name="Another", contact_id=other.id)])
    with crm.system("test") as db:
        db.delete(db.get(CustomEntity, made.id))
    return made


def restore(crm, officer, visit):
    with crm.write(officer) as db:
        db.restore(CustomEntity, visit.id)
    finish_erasures(crm)


def visits(crm, officer):
    with crm.read(officer) as db:
        return sorted(each.name for each in db.find(db.model.registry.entity("custom.visit").cls))


@pytest.mark.long
@both_databases
def test_a_removed_entity_that_comes_back_has_nothing_of_who_was_erased_meanwhile(crm, officer, contact, visit):
    erase(crm, officer, contact)

    restore(crm, officer, visit)

    assert visits(crm, officer) == ["Another"]
    assert traces(crm) == []
    assert findings(crm) == []


def test_what_is_made_later_of_who_was_erased_stays(crm, officer, contact, visit, clock):
    erase(crm, officer, contact)
    restore(crm, officer, visit)
    clock.advance(minutes=1)
    with crm.write(officer) as db:
        emptied = db.get(Contact, contact.id)
        cls = db.model.registry.entity("custom.visit").cls
        db.create(cls(name="Later", contact_id=emptied.id))
    clock.advance(minutes=1)
    with crm.write(officer) as db:
        db.delete(db.get(CustomEntity, visit.id))
    clock.advance(minutes=1)
    restore(crm, officer, visit)

    assert visits(crm, officer) == ["Another", "Later"]


@contextmanager
def as_if_not_held(crm):
    """Let something go although it is held, as it is where the hold is in a backup and the removal was before it."""
    table = crm.schema.tables["core_legal_hold"]
    with crm.storage.writing() as connection:
        connection.execute(sa.update(table).values(deleted_at=crm.clock.now()))
    yield
    with crm.storage.writing() as connection:
        connection.execute(sa.update(table).values(deleted_at=None))


@pytest.mark.long
@both_databases
def test_a_removed_entity_out_of_a_backup_is_cleared_of_what_was_erased_since(crm, officer, contact, visit, tmp_path):
    backup = make_backup(crm, tmp_path / "crm.backup", KEY).file
    restore(crm, officer, visit)
    erase(crm, officer, contact)
    assert visits(crm, officer) == ["Another"]
    restore_backup(crm, backup, KEY, replace=True)

    restore(crm, officer, visit)

    assert visits(crm, officer) == ["Another"]
    assert traces(crm) == []
    assert findings(crm) == []


@pytest.mark.long
@both_databases
def test_the_ledger_tells_nothing_of_who_was_erased_after_the_purge_of_what_was_about_them(
    crm, officer, contact, visit
):
    with crm.system("test") as db:
        purge_entity(db, visit.id)
    erase(crm, officer, contact)

    assert traces(crm) == []
    assert findings(crm) == []
    with crm.storage.reading() as connection:
        texts = connection.scalars(sa.select(crm.schema.system.ledger_payload.c.changes)).all()
    assert any("Another" in text for text in texts)


def test_an_entity_stays_away_while_what_would_be_erased_is_held(crm, officer, contact, visit):
    with crm.system("test") as db:
        db.restore(CustomEntity, visit.id)
    with crm.system("test") as db:
        cls = db.model.registry.entity("custom.visit").cls
        (held,) = db.find(cls, cls.f.contact_id == contact.id)
        hold = db.create(LegalHold(record=Target.of(held), reason="Case 7"))
    with crm.write(officer) as db, pytest.raises(LegalHoldError):
        db.delete(db.get(CustomEntity, visit.id))
    with as_if_not_held(crm), crm.system("test") as db:
        db.delete(db.get(CustomEntity, visit.id))
    erase(crm, officer, contact)

    with pytest.raises((LegalHoldError, ConflictError)):
        restore(crm, officer, visit)

    with crm.system("test") as db:
        db.delete(hold)
    restore(crm, officer, visit)
    assert visits(crm, officer) == ["Another"]


@pytest.fixture
def rest(crm):
    """Return the CRM without a plugin, parked by then."""
    made = []

    def without(plugin):
        made.append(CRM(crm.config, plugins=[each for each in crm.plugins if each.name != plugin], clock=crm.clock))
        park(made[-1], plugin)
        return made[-1]

    yield without
    for each in made:
        each.close()


@pytest.mark.long
@both_databases
@pytest.mark.parametrize("plugin", ["workspace", "sales"])
def test_a_parked_plugin_that_comes_back_has_nothing_of_who_was_erased_meanwhile(crm, officer, contact, rest, plugin):
    with crm.system("test") as db:
        other = db.create(Contact(name="Other"))
        db.create(Comment(body="Stays", regarding=Target.of(other)))
    assert erase(rest(plugin), officer, contact).parked == (plugin,)

    erased = apply(crm).erased
    finish_erasures(crm)

    assert erased > 0
    assert traces(crm) == []
    assert findings(crm) == []
    with crm.read(officer) as db:
        assert [each.body for each in db.find(Comment)] == ["Stays"]
        assert db.find(Contact, Contact.f.name == "Other")[0].name == "Other"


@both_databases
def test_nobody_reads_what_came_back_before_it_is_cleared(crm, officer, contact, rest, monkeypatch):
    erase(rest("workspace"), officer, contact)
    opened = []

    def look(*given):
        with pytest.raises(PluginParkedError):
            crm.check_ready()
        opened.append(True)
        return erase_returned(*given)

    monkeypatch.setattr("crmkit.core.migrating.applying.erase_returned", look)
    apply(crm)

    assert opened
    crm.check_ready()


@both_databases
def test_clearing_that_was_cut_short_is_done_by_the_next_call(crm, officer, contact, rest, monkeypatch):
    erase(rest("workspace"), officer, contact)

    def fail(*_given):
        raise RuntimeError

    with monkeypatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr("crmkit.core.migrating.applying.erase_returned", fail)
        apply(crm)
    with pytest.raises(PluginParkedError):
        crm.check_ready()

    report = apply(crm)
    finish_erasures(crm)
    assert (report.restored, report.erased > 0) == ((), True)
    assert traces(crm) == []


@pytest.mark.long
def test_a_plugin_stays_away_while_what_would_be_erased_is_held(crm, officer, contact, rest):
    with crm.system("test") as db:
        lead = db.find(Lead)[0]
        hold = db.create(LegalHold(record=Target.of(lead), reason="Case 7"))
    with pytest.raises(LegalHoldError):
        rest("sales")
    with as_if_not_held(crm):
        less = rest("sales")
    erase(less, officer, contact)

    with pytest.raises(LegalHoldError):
        apply(crm)
    with pytest.raises(PluginParkedError):
        crm.check_ready()

    with as_if_not_held(crm):
        park(less, "sales")
    with less.system("test") as db:
        db.delete(hold)
    apply(crm)
    with crm.read(officer) as db, pytest.raises(NotFoundError):
        db.get(Lead, lead.id)


@both_databases
def test_what_a_deal_of_a_plugin_that_was_away_refers_to_stays_emptied(crm, officer, contact, rest):
    with crm.system("test") as db:
        deal = db.create(Deal(name="Pilot", contact_id=contact.id))
    erase(rest("sales"), officer, contact)
    apply(crm)

    with crm.read(officer) as db:
        assert db.get(Deal, deal.id).contact_id == contact.id
        assert db.get(Contact, contact.id).name == "erased"


@both_databases
def test_nobody_is_erased_while_a_plugin_is_only_left_out(crm, officer, contact):
    plugins = [each for each in crm.plugins if each.name != "sales"]
    less = CRM(crm.config, plugins=plugins, clock=crm.clock, without=["sales"])
    try:
        with less.write(officer) as db, pytest.raises(PluginsLeftOutError, match="would stay: sales"):
            erase_person(db, contact)
        with less.read(officer) as db, pytest.raises(PluginsLeftOutError):
            preview_erasure(db, contact)
    finally:
        less.close()

    erase(crm, officer, contact)
    assert traces(crm) == []
