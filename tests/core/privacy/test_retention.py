import pytest

from crmkit import (
    Grant,
    LegalHold,
    Mask,
    Principal,
    RetentionRule,
    Target,
    ValidationError,
    Worker,
    finish_erasures,
    plan_retention,
    run_retention,
)
from crmkit.core.verifying import examine
from crmkit.plugins.customers.entities import Contact
from crmkit.plugins.sales.entities import Deal, Lead
from crmkit.testing import both_databases
from tests.core.privacy.somebody import CANARY

SYSTEM = Principal(None, "system", "test")


@pytest.fixture
def leads(crm, clock):
    """Two leads that nobody has touched for 800 days, and one that somebody has."""
    with crm.system("test") as db:
        old = [db.create(Lead(name=f"{CANARY} {n}", email=f"{CANARY}{n}@example.org")) for n in range(3)]
    clock.advance(days=800)
    with crm.system("test") as db:
        db.update(old[2], job_title="Buyer")
    return old


def rule(crm, **values):
    with crm.system("test") as db:
        return db.create(RetentionRule(**{"name": "Leads", "entity": "sales.lead", "days": 730} | values))


def as_system(crm):
    return lambda: crm.write(SYSTEM)


def names(crm, cls=Lead):
    with crm.system("test") as db:
        return sorted(record.name for record in db.find(cls))


def test_plan_counts_what_is_due_and_shows_some_and_changes_nothing(crm, officer, leads):
    rule(crm)
    rule(crm, name="Off", is_active=False)
    with crm.read(officer) as db:
        (plan,) = plan_retention(db, samples=1)
    assert (plan.rule.name, plan.count, len(plan.samples)) == ("Leads", 2, 1)
    assert len(names(crm)) == 3


@both_databases
def test_what_is_due_goes_into_the_bin(crm, leads):
    rule(crm, where=f'name != "{CANARY} 1"')
    (run,) = run_retention(as_system(crm))
    assert (run.done, run.left) == (1, 0)
    assert names(crm) == [f"{CANARY} 1", f"{CANARY} 2"]
    with crm.system("test") as db:
        assert db.restore(Lead, leads[0].id).name == f"{CANARY} 0"


@both_databases
def test_what_is_due_is_erased(crm, leads):
    rule(crm, action="erase")
    (run,) = run_retention(as_system(crm))
    with crm.system("test") as db:
        db.delete(db.get(Lead, leads[2].id))
    rule(crm, name="Bin", days=1, action="erase")
    finish_erasures(crm)

    assert run.done == 2
    with crm.storage.reading() as connection:
        assert [str(finding) for finding in examine(crm.model, connection)] == []
    with crm.system("test") as db:
        assert db.find(Lead, deleted=True)[0].id == leads[2].id


def test_what_is_held_or_referred_to_stays_and_the_rest_goes(crm, leads, clock):
    with crm.system("test") as db:
        db.create(LegalHold(record=Target.of(leads[0]), reason="Case 7"))
        contact = db.create(Contact(name="Anna"))
        db.create(Contact(name="Bert"))
        db.create(Deal(name="Pilot", contact_id=contact.id))
    clock.advance(days=800)
    rule(crm)
    rule(crm, name="Contacts", entity="customers.contact")
    done = {run.rule.name: (run.done, run.left) for run in run_retention(as_system(crm))}

    assert done == {"Leads": (2, 1), "Contacts": (1, 1)}
    assert names(crm, Contact) == ["Anna"]
    assert names(crm) == [f"{CANARY} 0"]


def test_whoever_runs_the_rules_takes_only_what_they_may(crm, leads, people):
    rule(crm)
    own = [
        Grant("core.retention_rule", ["read"], "all"),
        Grant("sales.lead", ["read", "create"], "own"),
        Grant("sales.lead", ["delete"], "own"),
    ]
    clerk = people.user("Carl", roles=[people.role("clerk", own)])
    with crm.read(clerk) as db:
        assert plan_retention(db)[0].count == 0
    (run,) = run_retention(lambda: crm.write(clerk))
    assert (run.done, run.left) == (0, 0)
    assert run_retention(lambda: crm.write(people.user("Nora"))) == []
    assert len(names(crm)) == 3


def test_a_rule_that_asks_for_a_hidden_field_tells_nothing_and_takes_nothing(crm, leads, people):
    rule(crm, where=f'email == "{CANARY}0@example.org"')
    grants = [Grant("core.retention_rule", ["read"], "all"), Grant("sales.lead", ["read", "delete"], "all")]
    clerk = people.user("Carl", roles=[people.role("clerk", grants, [Mask("sales.lead", ["email"])])])
    with crm.read(clerk) as db:
        (plan,) = plan_retention(db)
    assert (plan.count, plan.samples) == (None, ())
    assert run_retention(lambda: crm.write(clerk))[0].done == 0


@pytest.mark.parametrize(
    "values", [{"entity": "sales.nothing"}, {"entity": "core.user"}, {"where": "nosuch == 1"}, {"where": "name =="}]
)
def test_a_rule_that_makes_no_sense_is_refused(crm, values):
    with pytest.raises(ValidationError):
        rule(crm, **values)


def test_workers_run_the_rules_every_night(crm, leads, clock):
    rule(crm)
    worker = Worker(crm)
    worker.run_until_idle()
    clock.advance(days=1)
    worker.run_until_idle()
    worker.close()
    assert names(crm) == [f"{CANARY} 2"]
