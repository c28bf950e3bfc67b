"""Messages are forgotten after a while, and with the person whom they are about."""

from datetime import timedelta

import pytest

from crmkit import ForbiddenError, erase_person, forget_records
from crmkit.plugins.customers.entities import Contact
from crmkit.plugins.webhooks import services
from crmkit.plugins.webhooks.entities import Delivery, Endpoint, Replay
from crmkit.testing import both_databases


def message(endpoint, at, **values):
    return Delivery(
        endpoint_id=endpoint.id,
        event="crm.customers.contact.created.v1",
        position=1,
        entity="customers.contact",
        record_id=values.pop("record_id", endpoint.id),
        happened_at=at,
        **values,
    )


@both_databases
def test_what_is_over_is_forgotten_before_what_was_given_up(crm, dora, clock, make_worker):
    ages = {"delivered": (10, 31), "withheld": (10, 31), "dead": (31, 181), "waiting": (31, 181)}
    with crm.system("test") as db:
        made = db.create(Endpoint(name="Other", url="https://example.com/", acts_as_id=dora.user_id, is_active=False))
        kept, gone = (
            db.create_many(
                [message(made, clock.now() - timedelta(days=days[old]), state=state) for state, days in ages.items()]
            )
            for old in (0, 1)
        )
        named = gone[0]
        services.replay(db, named)
        db.enqueue("webhooks.clear_deliveries")
    make_worker(crm).run_until_idle()
    with crm.system("test") as db:
        assert {each.id for each in db.find(Delivery)} == {*(each.id for each in kept), named.id}
        assert db.find(Delivery, deleted=True) == []
        assert db.count(Replay) == 1


def test_messages_about_an_erased_person_go_with_them(crm, people, dora, clock):
    admin = people.user("Ada", roles=["core.administrator"])
    with crm.system("test") as db:
        made = db.create(Endpoint(name="Other", url="https://example.com/", acts_as_id=dora.user_id))
        contact, other = db.create_many([Contact(name=name) for name in ("Anna", "Ben")])
        told = [
            message(made, clock.now(), record_id=each.id, response=f"{each.name}?", state="dead")
            for each in (contact, other)
        ]
        db.create_many(told)
    with crm.write(admin) as db:
        erase_person(db, db.get(Contact, contact.id))
    with crm.system("test") as db:
        assert [each.response for each in db.find(Delivery)] == ["Ben?"]


@pytest.mark.long
def test_people_forget_nothing(crm, dora, clock):
    with crm.write(dora) as db:
        made = db.create(Endpoint(name="Other", url="https://example.com/"))
        with pytest.raises(ForbiddenError):
            forget_records(db, [made])
        assert forget_records(db, []) == 0
