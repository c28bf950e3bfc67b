"""What is told to whom: the events that an endpoint wants, as its user may know them when they are sent."""

import pytest

from crmkit import Grant, Money, Rule
from crmkit.plugins.customers.entities import Company
from crmkit.plugins.sales.entities import Deal
from crmkit.plugins.webhooks.entities import Delivery, Endpoint
from crmkit.plugins.workspace.entities import Notification
from crmkit.testing import both_databases


def endpoint(crm, principal, receiver, **more):
    with crm.write(principal) as db:
        return db.create(Endpoint(name="Other", url=receiver.url(), **more))


def deal(crm, principal, name="Pilot", **more):
    with crm.write(principal) as db:
        return db.create(Deal(name=name, **more))


def deliveries(crm):
    with crm.system("test") as db:
        return db.find(Delivery, order_by="id")


@both_databases
def test_event_is_told_in_an_envelope_with_the_record(crm, dora, receive, make_worker):
    receiver = receive()
    endpoint(crm, dora, receiver, events=["crm.sales.deal.*"])
    made = deal(crm, dora, amount=Money.of(1200, "EUR"))
    make_worker(crm).run_until_idle()

    (message,) = receiver.messages
    (kept,) = deliveries(crm)
    assert message.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    envelope = message.event
    record = envelope["data"].pop("record")
    changed = envelope["data"].pop("changed")
    assert envelope == {
        "specversion": "1.0",
        "id": str(kept.id),
        "source": "/crmkit/My%20company",
        "type": "crm.sales.deal.created.v1",
        "time": "2026-03-02T12:00:00Z",
        "subject": f"sales.deal/{made.id}",
        "datacontenttype": "application/json",
        "data": {"entity": "sales.deal", "id": str(made.id), "user_id": str(dora.user_id)},
    }
    assert (record["name"], record["amount"]) == ("Pilot", {"amount": "1200.00", "currency": "EUR"})
    assert {"name", "amount"} <= set(changed)
    assert (kept.state, kept.attempts, kept.status, kept.next_at) == ("delivered", 1, 204, None)


@pytest.mark.long
@both_databases
def test_events_are_told_by_the_types_that_an_endpoint_wants(crm, dora, receive, make_worker):
    everything, wins = receive(), receive()
    endpoint(crm, dora, everything, events=["crm.sales.*"])
    endpoint(crm, dora, wins, events=["crm.sales.deal.won.v1"])
    with crm.write(dora) as db:
        company = db.create(Company(name="Acme"))
        made = db.create(Deal(name="Pilot", company_id=company.id, amount=Money.of(10, "EUR")))
        db.move(db.move(made, "engaging"), "won")
    make_worker(crm).run_until_idle()

    assert [event["type"] for event in wins.events] == ["crm.sales.deal.won.v1"]
    assert sorted(event["type"].removeprefix("crm.sales.deal.") for event in everything.events) == [
        "created.v1",
        "moved.v1",
        "moved.v1",
        "won.v1",
    ]
    assert len({event["id"] for event in everything.events}) == 4


def test_nothing_is_told_of_what_the_user_does_not_see(crm, people, dora, receive, make_worker):
    receiver, ben = receive(), people.user("Ben", roles=["sales.agent"])
    endpoint(crm, dora, receiver)
    deal(crm, ben)
    make_worker(crm).run_until_idle()
    assert [event for event in receiver.events if "deal" in event["type"]] == []


def test_what_went_out_of_sight_before_it_was_sent_is_withheld(crm, people, dora, receive, make_worker):
    receiver, ben = receive(), people.user("Ben", roles=["sales.agent"])
    made = endpoint(crm, dora, receiver, events=["crm.sales.deal.*"])
    mine = deal(crm, dora, "Secret")
    with crm.system("test") as db:
        told = db.events(after=0).events
        waiting = Delivery(
            endpoint_id=made.id,
            event="crm.sales.deal.created.v1",
            position=next(each.position for each in told if each.entity == "sales.deal"),
            entity="sales.deal",
            record_id=mine.id,
            happened_at=db.now,
            next_at=db.now,
        )
        db.create(waiting)
        db.transfer(mine, ben.user_id)
        db.wake("webhooks.send")
    make_worker(crm).run_until_idle()
    assert receiver.messages == []
    assert {each.state for each in deliveries(crm)} == {"withheld"}
    assert {each.attempts for each in deliveries(crm)} == {0}


def test_what_is_told_has_the_fields_that_the_user_may_read_when_it_is_sent(crm, people, receive, make_worker):
    receiver = receive()
    role = people.role("Clerk", [Grant("customers.company", ["read", "create"], "all")])
    clerk = people.user("Cleo", roles=["webhooks.developer", role])
    endpoint(crm, clerk, receiver, events=["crm.customers.company.created.v1"])
    with crm.write(clerk) as db:
        db.create(Company(name="Acme", city="Berlin"))
    with crm.system("test") as db:
        (stored,) = db.find(db.entity("core.role"), Rule.parse(f'name == "{role}"'))
        mask = db.entity("core.mask")
        db.create(mask(role_id=stored.id, entity="customers.company", field_name="city"))
    make_worker(crm).run_until_idle()
    (event,) = receiver.events
    assert event["data"]["record"]["name"] == "Acme"
    assert "city" not in {*event["data"]["record"], *event["data"]["changed"]}
    assert b"Berlin" not in receiver.messages[0].body


@both_databases
def test_condition_holds_for_what_is_told_also_of_records_in_the_bin(crm, people, receive, make_worker):
    receiver, admin = receive(), people.user("Ada", roles=["core.administrator"])
    endpoint(crm, admin, receiver, entity="customers.company", condition='city == "Berlin"')
    with crm.write(admin) as db:
        berlin, paris = (db.create(Company(name=city, city=city)) for city in ("Berlin", "Paris"))
        db.delete_many([berlin, paris])
    make_worker(crm).run_until_idle()
    told = [(event["type"], event["data"]["record"], event["data"]["id"]) for event in receiver.events]
    # Of the creation nothing can be told any more: the record is gone.
    assert told == [("crm.customers.company.deleted.v1", None, str(berlin.id))]


def test_deletion_is_told_without_the_record_also_if_it_came_back_meanwhile(crm, people, receive, make_worker):
    receiver, admin = receive(), people.user("Ada", roles=["core.administrator"])
    endpoint(crm, admin, receiver, events=["crm.customers.company.*"])
    with crm.write(admin) as db:
        acme = db.create(Company(name="Acme"))
        db.delete(acme)
        db.restore(Company, acme.id)
    make_worker(crm).run_until_idle()
    told = {event["type"].split(".")[3]: event["data"]["record"] is None for event in receiver.events}
    assert told == {"created": False, "deleted": True, "restored": False}


def test_webhooks_tell_nothing_of_themselves(crm, people, receive, make_worker):
    receiver, admin = receive(), people.user("Ada", roles=["core.administrator"])
    made = endpoint(crm, admin, receiver)
    with crm.write(admin) as db:
        db.update(made, note="mine")
        db.create(Company(name="Acme"))
    worker = make_worker(crm)
    for _n in range(3):
        worker.run_until_idle()
    assert {event["type"] for event in receiver.events} == {"crm.customers.company.created.v1"}
    assert all(b"whsec_" not in message.body for message in receiver.messages)


def test_nothing_is_told_of_what_was_before_the_endpoint_or_while_it_was_off(crm, clock, dora, receive, make_worker):
    receiver, worker = receive(), make_worker(crm)
    deal(crm, dora, "before")
    clock.advance(seconds=1)
    made = endpoint(crm, dora, receiver, events=["crm.sales.deal.*"], is_active=False)
    deal(crm, dora, "off")
    worker.run_until_idle()
    with crm.write(dora) as db:
        db.update(db.get(Endpoint, made.id), is_active=True)
    deal(crm, dora, "on")
    worker.run_until_idle()
    assert [event["data"]["record"]["name"] for event in receiver.events] == ["on"]


def test_endpoint_of_a_user_who_is_gone_is_switched_off_and_whoever_made_it_is_told(
    crm, people, dora, receive, make_worker
):
    receiver, admin = receive(), people.user("Ada", roles=["core.administrator"])
    made = endpoint(crm, admin, receiver, acts_as_id=dora.user_id)
    deal(crm, dora)
    with crm.system("test") as db:
        db.update(db.get(db.entity("core.user"), dora.user_id), is_active=False)
    make_worker(crm).run_until_idle()
    assert receiver.messages == []
    with crm.read(admin) as db:
        off = db.get(Endpoint, made.id)
        (note,) = db.find(Notification)
    assert (off.is_active, off.off_reason) == (False, "The user as whom it acts is gone or inactive.")
    assert "Other" in note.note


def test_poisoned_message_keeps_no_other_from_being_sent(crm, dora, receive, make_worker):
    """F13: one message can never be made; it fails alone."""
    receiver = receive()
    made = endpoint(crm, dora, receiver, events=["crm.sales.deal.*"])
    deal(crm, dora, "good")
    worker = make_worker(crm)
    worker.run_until_idle()
    with crm.system("test") as db:
        (good,) = db.find(Delivery)
        db.create(
            Delivery(
                endpoint_id=made.id,
                event=good.event,
                position=-5,
                entity="no entity",
                record_id=good.record_id,
                happened_at=db.now,
                next_at=db.now,
            )
        )
        db.wake("webhooks.send")
    deal(crm, dora, "better")
    worker.run_until_idle()
    assert [event["data"]["record"]["name"] for event in receiver.events] == ["good", "better"]
    poisoned = next(each for each in deliveries(crm) if each.position == -5)
    assert (poisoned.state, poisoned.attempts) == ("waiting", 1)
    assert "CursorError" in poisoned.error
    with crm.read(dora) as db:
        assert db.get(Endpoint, made.id).failing_since_at is None
