"""What may be written of a webhook, and by whom."""

import base64
from datetime import timedelta

import pytest

from crmkit import (
    ForbiddenError,
    NotFoundError,
    Principal,
    RefusedAddressError,
    StaleError,
    UnknownFieldError,
    WriteRefusedError,
)
from crmkit.plugins.webhooks import services
from crmkit.plugins.webhooks.entities import Delivery, Endpoint
from crmkit.testing import both_databases

URL = "https://example.com/hook"


def make(crm, principal, **values):
    with crm.write(principal) as db:
        return db.create(Endpoint(**{"name": "Other", "url": URL, **values}))


def test_endpoint_acts_as_whoever_makes_it_and_has_a_secret_of_its_own(crm, dora):
    made, other = make(crm, dora), make(crm, dora)
    assert (made.acts_as_id, made.is_active, made.events) == (dora.user_id, True, ["*"])
    assert len(base64.b64decode(made.secret.removeprefix("whsec_"))) == 32
    assert made.secret != other.secret


@pytest.mark.long
@both_databases
def test_secret_stands_nowhere_in_the_database(crm, dora):
    secret = make(crm, dora).secret
    with crm.storage.reading() as connection:
        tables = ("webhooks_endpoint", "core_ledger_payload")
        rows = [connection.exec_driver_sql(f"SELECT * FROM {table}").all() for table in tables]
    assert secret not in str(rows)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"url": "https://127.0.0.2/"}, "url: Nothing is sent to this URL: its address is not one of the internet."),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "url: Nothing is sent"),
        ({"url": "http://93.184.215.14/"}, "url: Nothing is sent to this URL: it is not https."),
        ({"url": "https://a@example.com/"}, "url: Nothing is sent"),
        ({"secret": "whsec_short"}, "secret: This is no secret"),
        ({"secret": "sesame"}, "secret: This is no secret"),
        ({"events": []}, "events: expected a list"),
        ({"events": "crm.sales.*"}, "events: expected a list"),
        ({"events": ["crm.sales.deal.sold.v1"]}, "events: there is no event 'crm.sales.deal.sold.v1'"),
        ({"events": ["crm.webhooks.endpoint.updated.v1"]}, "events: there is no event"),
        # What Dora may not read does not exist for her.
        ({"events": ["crm.core.assignment.created.v1"]}, "events: there is no event"),
        ({"condition": "amount > 3"}, "condition: a condition is one on records of an entity"),
        ({"entity": "sales.sale"}, "entity: There is no entity 'sales.sale'"),
        ({"entity": "sales.deal", "condition": "amount >"}, "condition: "),
        ({"entity": "sales.deal", "condition": "sauce == 1"}, "condition: Rule, column 1: sales.deal has no field"),
    ],
)
def test_endpoint_that_makes_no_sense_is_refused(crm, dora, values, said):
    with pytest.raises(WriteRefusedError) as caught:
        make(crm, dora, **values)
    (told,) = {f"{problem.field}: {problem.message}" for _plugin, problem in caught.value.problems}
    assert told.startswith(said)


def test_endpoint_acts_as_somebody_else_only_if_an_administrator_says_so(crm, people, dora):
    ben, admin = people.user("Ben", roles=["sales.agent"]), people.user("Ada", roles=["core.administrator"])
    with pytest.raises((WriteRefusedError, ForbiddenError)):
        make(crm, dora, acts_as_id=ben.user_id)
    made = make(crm, admin, acts_as_id=dora.user_id)
    with crm.write(dora) as db, pytest.raises((WriteRefusedError, ForbiddenError, NotFoundError)):
        db.update(db.get(Endpoint, made.id), acts_as_id=admin.user_id)
    gone = people.user("Gus")
    with crm.system("test") as db:
        db.update(db.get(db.entity("core.user"), gone.user_id), is_active=False)
    with pytest.raises(WriteRefusedError, match="gone or inactive"):
        make(crm, admin, acts_as_id=gone.user_id)


def test_who_acts_within_scopes_makes_no_endpoint_that_would_act_without_them(crm, dora):
    limited = Principal(dora.user_id, dora.name, scopes=frozenset({"webhooks:read", "webhooks:write", "core:read"}))
    with pytest.raises(WriteRefusedError, match="acts as yourself"):
        make(crm, limited)
    made = make(crm, dora)
    with crm.write(limited) as db:
        off = db.update(db.get(Endpoint, made.id), is_active=False)
        with pytest.raises(WriteRefusedError, match="acts as yourself"), db.attempt():
            db.update(off, url="https://example.org/mine")


def test_operator_switches_endpoints_and_sees_neither_secrets_nor_answers(crm, people, dora):
    made, olga = make(crm, dora), people.user("Olga", roles=["webhooks.operator"])
    with crm.write(olga) as db:
        seen = db.get(Endpoint, made.id)
        with pytest.raises(UnknownFieldError):
            assert seen.secret
        assert "response" not in db.readable_fields(Delivery)
        off = db.update(seen, is_active=False)
        on = db.update(off, is_active=True, note="Looks well")
        for values in ({"url": "https://example.org/"}, {"events": ["crm.sales.*"]}, {"acts_as_id": olga.user_id}):
            with pytest.raises(WriteRefusedError, match="acts as yourself"), db.attempt():
                db.update(on, values)
        with pytest.raises(UnknownFieldError), db.attempt():
            db.update(on, secret=None)


def test_developer_sees_the_own_endpoints_alone(crm, people, dora):
    made, rival = make(crm, dora), people.user("Rita", roles=["webhooks.developer"])
    with crm.read(rival) as db:
        assert db.find(Endpoint) == []
        with pytest.raises(NotFoundError):
            db.get(Endpoint, made.id)


def test_nobody_writes_what_crmkit_keeps(crm, people, dora):
    admin, made = people.user("Ada", roles=["core.administrator"]), make(crm, dora)
    with crm.write(admin) as db:
        stored = db.update(db.get(Endpoint, made.id), off_reason="because", since=10**6, note="kept")
        assert (stored.off_reason, stored.since, stored.note) == (None, made.since, "kept")
        forged = Delivery(
            endpoint_id=made.id, event="x", position=1, entity="sales.deal", record_id=made.id, happened_at=db.now
        )
        with pytest.raises(ForbiddenError), db.attempt():
            db.create(forged)


def test_secret_that_is_changed_counts_a_day_longer(crm, clock, dora):
    made = make(crm, dora)
    with crm.write(dora) as db:
        changed = db.update(made, secret=None)
    assert services.secrets_of(changed, clock.now()) == [changed.secret, made.secret]
    assert services.secrets_of(changed, clock.now() + timedelta(hours=24)) == [changed.secret]
    with crm.write(dora) as db:
        again = services.rotate_secret(db, changed, overlap=timedelta(0))
    assert services.secrets_of(again, clock.now()) == [again.secret]
    assert again.old_secret == changed.secret
    with crm.write(dora) as db, pytest.raises(StaleError):
        services.rotate_secret(db, changed)


def test_url_may_only_lead_to_this_machine_where_the_configuration_says_so(make_crm, dora):
    elsewhere = make_crm("webhooks", "sales")
    with elsewhere.system("test") as db, pytest.raises(RefusedAddressError):
        db.network.check("http://127.0.0.1:8000/")
    with elsewhere.system("test") as db, pytest.raises(WriteRefusedError):
        db.create(Endpoint(name="Me", url="https://127.0.0.1/", acts_as_id=None))


@both_databases
def test_endpoint_goes_with_its_messages_and_comes_back_with_them(crm, people, dora):
    made, admin = make(crm, dora), people.user("Ada", roles=["core.administrator"])
    with crm.system("test") as db:
        db.create(
            Delivery(
                endpoint_id=made.id, event="x", position=1, entity="sales.deal", record_id=made.id, happened_at=db.now
            )
        )
    with crm.write(dora) as db:
        db.delete(db.get(Endpoint, made.id))
        assert db.find(Delivery) == []
    with crm.write(admin) as db:
        db.restore(Endpoint, made.id)
        assert len(db.find(Delivery)) == 1
