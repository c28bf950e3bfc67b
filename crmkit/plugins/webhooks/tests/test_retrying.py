"""What becomes of messages that fail: tried again over three days, given up; and of their endpoints."""

from datetime import timedelta
from itertools import pairwise

import pytest

from crmkit.plugins.sales.entities import Deal
from crmkit.plugins.webhooks.entities import Delivery, Endpoint
from crmkit.plugins.workspace.entities import Notification
from crmkit.testing import both_databases


@pytest.fixture
def told(crm, dora, make_worker):
    """Have a deal told to an endpoint, and return the endpoint and the worker."""

    def tell(receiver, **more):
        with crm.write(dora) as db:
            made = db.create(Endpoint(name="Other", url=receiver.url(), events=["crm.sales.deal.*"], **more))
        with crm.write(dora) as db:
            db.create(Deal(name="Pilot"))
        worker = make_worker(crm)
        worker.run_until_idle()
        return made, worker

    return tell


def delivery(crm):
    with crm.system("test") as db:
        (found,) = db.find(Delivery)
    return found


def endpoint(crm, made):
    with crm.system("test") as db:
        return db.get(Endpoint, made.id)


@both_databases
def test_message_is_tried_ten_times_over_75_hours_and_then_given_up(crm, clock, told, receive, let_pass):
    receiver, times = receive(), []
    receiver.answer = lambda message: times.append(clock.now()) or 500
    began = clock.now()
    made, worker = told(receiver)
    let_pass(worker, timedelta(days=4))
    assert len(receiver.messages) == 10
    assert timedelta(hours=67) < times[-1] - began < timedelta(hours=84)
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert waits == sorted(waits)
    found = delivery(crm)
    assert (found.state, found.attempts, found.status, found.error) == ("dead", 10, 500, "HTTP 500")
    # One and the same message, each time signed anew.
    assert len({message.headers["webhook-id"] for message in receiver.messages}) == 1
    assert len({message.headers["webhook-timestamp"] for message in receiver.messages}) == 10
    assert endpoint(crm, made).failing_since_at == began


def test_endpoint_that_answers_again_is_none_that_fails(crm, told, receive, let_pass):
    receiver = receive()
    receiver.answer = lambda _message: 503 if len(receiver.messages) < 3 else (200, {}, b"thanks\x00")
    made, worker = told(receiver)
    assert endpoint(crm, made).failing_since_at is not None
    let_pass(worker, timedelta(hours=1))
    found = delivery(crm)
    assert (found.state, found.attempts, found.response, found.error) == ("delivered", 3, "thanks", None)
    assert endpoint(crm, made).failing_since_at is None


def test_endpoint_that_is_gone_is_switched_off_at_once_and_its_people_are_told(crm, dora, told, receive, let_pass):
    receiver = receive(410)
    made, worker = told(receiver)
    off = endpoint(crm, made)
    assert (off.is_active, off.off_reason) == (False, "It has answered that it is gone for good (410).")
    let_pass(worker, timedelta(days=4))
    assert len(receiver.messages) == 1
    assert delivery(crm).state == "waiting"
    with crm.read(dora) as db:
        (note,) = db.find(Notification)
    assert note.note == f"The webhook “Other” was switched off: {off.off_reason}"
    assert note.regarding.id == made.id


@pytest.mark.long
def test_endpoint_that_fails_for_days_is_switched_off_and_what_waits_is_sent_later(crm, dora, told, receive, let_pass):
    receiver = receive(500)
    made, worker = told(receiver)
    for _day in range(6):
        let_pass(worker, timedelta(days=1))
        with crm.write(dora) as db:
            db.create(Deal(name="Another"))
        worker.run_until_idle()
    off = endpoint(crm, made)
    assert (off.is_active, off.off_reason) == (False, "It has failed for 5 days, the last time with: HTTP 500")

    receiver.answer, before = 204, len(receiver.messages)
    with crm.write(dora) as db:
        on = db.update(off, is_active=True)
    let_pass(worker, timedelta(days=1))
    assert (on.off_reason, on.failing_since_at) == (None, None)
    assert len(receiver.messages) > before


@pytest.mark.parametrize("after", ["7200", "Mon, 02 Mar 2026 14:00:00 GMT"])
def test_endpoint_that_asks_for_a_pause_gets_it(crm, clock, dora, told, receive, after, let_pass):
    receiver = receive(lambda _message: (429, {"Retry-After": after}, b""))
    made, worker = told(receiver)
    with crm.write(dora) as db:
        db.create(Deal(name="Another"))
    let_pass(worker, timedelta(hours=1, minutes=59))
    assert len(receiver.messages) == 1
    assert endpoint(crm, made).resumes_at == clock.now() + timedelta(minutes=1)

    receiver.answer = 204
    let_pass(worker, timedelta(minutes=1))
    assert len(receiver.messages) == 3


@pytest.mark.parametrize("after", ["soon", "-5", "99999999999999999999", "Mon, 99 Mar 2026 14:00:00 GMT"])
def test_pause_that_makes_no_sense_is_none_and_none_is_longer_than_a_day(crm, clock, told, receive, after):
    receiver = receive(lambda _message: (429, {"Retry-After": after}, b""))
    made, _worker = told(receiver)
    resumes = endpoint(crm, made).resumes_at
    assert resumes is None or resumes <= clock.now() + timedelta(hours=24)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(crm, told, receive, status):
    target = receive()
    receiver = receive(lambda _message: (status, {"Location": target.url()}, b""))
    told(receiver)
    assert target.messages == []
    assert (delivery(crm).state, delivery(crm).error) == ("waiting", f"HTTP {status}")


def test_of_an_answer_the_beginning_is_kept(crm, told, receive):
    receiver = receive(lambda _message: (200, {}, b"\xff" + b"x" * 3000))
    told(receiver)
    assert delivery(crm).response == "\ufffd" + "x" * 1999


def test_nobody_listening_is_an_attempt_that_failed(crm, told, receive):
    receiver = receive()
    receiver.close()
    told(receiver)
    found = delivery(crm)
    assert (found.state, found.attempts, found.status) == ("waiting", 1, None)
    assert found.error.startswith("ConnectError")
