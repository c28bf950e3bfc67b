"""F13: an event that its subscriber can never take, among a thousand. It is parked after eight tries; nobody waits."""

import pytest

from crmkit import Subscriber
from crmkit.testing import both_databases
from tests.core.jobs.watching import Parcel, ParcelSent, post, rows


@both_databases
@pytest.mark.parametrize("events", [50, pytest.param(1000, marks=pytest.mark.slow)])
def test_f13_poison_event_is_parked_after_eight_tries_and_delays_nobody(make_crm, database, clock, make_worker, events):
    tries, told_at = [], {}

    def poisoned(context, told):
        with context.read() as db:
            name = db.get(Parcel, told.record_id).name
        if name == "poison":
            tries.append(context.attempt)
            raise ValueError("poison")
        told_at[name] = clock.now()

    crm = make_crm(post(Subscriber("post.take", ParcelSent, poisoned)), database=database, clock=clock)
    with crm.system("test") as db:
        names = [str(place) for place in range(events - 1)]
        parcels = db.create_many([Parcel(name=name) for name in (*names[:3], "poison", *names[3:])])
        db.move_many(parcels, "sent")
    worker, start = make_worker(crm), clock.now()
    worker.run_until_idle()
    # By the clock that everything waits by, the others wait no longer than they would without it: not at all.
    assert told_at == dict.fromkeys(names, start)
    while rows(crm)[0].state == "ready":
        clock.travel(max(worker.next_due(), clock.now()))
        worker.run_until_idle()
    (dead,) = rows(crm)
    assert tries == [1, 2, 3, 4, 5, 6, 7, 8]
    assert (dead.state, dead.error) == ("dead", "ValueError")
    with crm.storage.reading() as connection:
        assert [circuit for circuit in worker.circuits(connection) if circuit.opened_at] == []
