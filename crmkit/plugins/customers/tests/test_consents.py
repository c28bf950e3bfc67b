from __future__ import annotations

from datetime import timedelta

import pytest

from crmkit import Grant, Mask, NotFoundError, Principal, UnknownFieldError, WriteRefusedError, erase_person
from crmkit.testing import both_databases

from .. import services
from ..entities import Consent, Contact


@pytest.fixture
def crm(make_crm, clock, database):
    return make_crm("customers", clock=clock, database=database)


@pytest.fixture
def anna(people):
    return people.user("Anna", team=people.team("Berlin"), roles=["customers.agent"])


@pytest.fixture
def contact(crm, anna):
    with crm.write(anna) as db:
        return db.create(Contact(name="Quint"))


def decide(crm, principal, contact, status, *, channel="email", purpose="newsletter", **more):
    with crm.write(principal) as db:
        return services.record_consent(db, contact, purpose, channel, status, source="form", **more)


def is_allowed(crm, principal, contact, channel="email", purpose="newsletter"):
    with crm.read(principal) as db:
        return services.may_contact(db, contact, channel, purpose).is_given


@both_databases
def test_newest_decision_about_channel_and_purpose_counts(crm, anna, contact, clock):
    assert not is_allowed(crm, anna, contact)
    decide(crm, anna, contact, "given")
    assert is_allowed(crm, anna, contact)
    assert not is_allowed(crm, anna, contact, channel="phone")
    assert not is_allowed(crm, anna, contact, purpose="offers")

    clock.advance(days=1)
    decide(crm, anna, contact, "withdrawn")
    assert not is_allowed(crm, anna, contact)
    decide(crm, anna, contact, "given", decided_at=clock.now() - timedelta(hours=1))
    assert not is_allowed(crm, anna, contact)
    with crm.read(anna) as db:
        assert [each.status for each in services.consents_of(db, contact)] == ["withdrawn", "given", "given"]


def test_of_two_decisions_of_one_moment_the_withdrawal_counts(crm, anna, contact):
    decide(crm, anna, contact, "withdrawn")
    decide(crm, anna, contact, "given")
    assert not is_allowed(crm, anna, contact)


def test_decision_is_never_changed(crm, anna, contact):
    consent = decide(crm, anna, contact, "withdrawn")
    with crm.system("test") as db, pytest.raises(WriteRefusedError, match="never changed"):
        db.update(consent, status="given")


def test_decision_that_nobody_can_have_made_yet_is_refused(crm, anna, contact, clock):
    with pytest.raises(WriteRefusedError, match="future"):
        decide(crm, anna, contact, "given", decided_at=clock.now() + timedelta(hours=1))


def test_whoever_does_not_see_the_contact_learns_nothing(crm, anna, contact, people):
    decide(crm, anna, contact, "given")
    other = people.user("Otto", team=people.team("Paris"), roles=["customers.agent"])
    with crm.read(other) as db:
        assert db.find(Consent) == []
        with pytest.raises(NotFoundError):
            services.may_contact(db, contact, "email", "newsletter")


@pytest.mark.parametrize(
    ("grants", "masks"),
    [
        ([Grant("customers.contact", ["read"], "all")], []),
        (
            [Grant("customers.contact", ["read"], "all"), Grant("customers.consent", ["read"], "all")],
            [Mask("customers.consent", ["status"])],
        ),
    ],
)
def test_whoever_may_not_read_consents_is_told_that_there_is_none(crm, anna, contact, people, grants, masks):
    decide(crm, anna, contact, "given")
    reader = people.user("Rita", member=False, roles=[people.role("reading", grants, masks)])
    assert not is_allowed(crm, reader, contact)
    if not masks:
        with crm.read(reader) as db, pytest.raises(UnknownFieldError):
            services.consents_of(db, contact)


@both_databases
def test_decisions_follow_a_merge_and_go_with_the_person(crm, anna, contact):
    with crm.system("test") as db:
        twin = db.create(Contact(name="Q."))
    decide(crm, anna, contact, "given")
    with crm.system("test") as db:
        db.merge(twin, [contact])
    assert is_allowed(crm, Principal(None, "system", "test"), twin)
    with crm.system("test") as db:
        erase_person(db, twin)
        assert db.find(Consent) == []
