"""Positions: whoever has read up to one has missed nothing before it, whatever is committed meanwhile."""

import threading
from itertools import chain
from random import Random

import sqlalchemy as sa

from crmkit import TryAgainError
from crmkit.core.events.dispatcher import Dispatcher
from crmkit.core.events.lag import untold
from crmkit.testing import both_databases
from tests.core.jobs.watching import Parcel, noting, post, rows

WRITERS, TRANSACTIONS = 4, 25


def write_and_sometimes_fail(crm, seed):
    chance = Random(seed)
    for place in range(TRANSACTIONS):
        try:
            with crm.system("test") as db:
                parcels = [Parcel(name=f"{seed}.{place}.{n}") for n in range(chance.randrange(1, 5))]
                made = db.create_many(parcels)
                if chance.random() < 0.3:
                    db.flush()
                if chance.random() < 0.3:
                    db.move_many(made, "sent")
                if chance.random() < 0.2:
                    raise ZeroDivisionError
        except (ZeroDivisionError, TryAgainError):
            pass


@both_databases
def test_positions_are_read_without_gaps_while_others_commit_and_roll_back(make_crm, database):
    crm = make_crm(post(), database=database)
    ledger, outbox = crm.schema.system.ledger, crm.schema.system.outbox
    writers = [threading.Thread(target=write_and_sometimes_fail, args=(crm, seed)) for seed in range(WRITERS)]
    for writer in writers:
        writer.start()
    read, spans = list[int](), list[tuple[int, int]]()
    while True:
        is_last = not any(writer.is_alive() for writer in writers)
        with crm.storage.reading() as connection:
            after = sa.select(ledger.c.id).where(ledger.c.id > (read[-1] if read else 0))
            read += connection.scalars(after.order_by(ledger.c.id))
            after = sa.select(outbox.c.first_id, outbox.c.last_id).where(outbox.c.first_id > (spans or [(0, 0)])[-1][1])
            spans += connection.execute(after.order_by(outbox.c.first_id))
        assert read == list(range(1, len(read) + 1))
        if is_last:
            break
    assert len(read) > WRITERS * TRANSACTIONS / 2
    assert list(chain.from_iterable(range(first, last + 1) for first, last in spans)) == read


@both_databases
def test_one_dispatcher_works_at_a_time_and_the_next_takes_over(make_crm, database, clock, diary, make_worker):
    crm = make_crm(post(noting(diary)), database=database, clock=clock)
    with crm.system("test") as db:
        db.move(db.create(Parcel(name="a")), "sent")
    if database == "postgresql":
        with crm.storage.writing() as first:
            assert Dispatcher(crm).tell(first, clock.now()) == 2
            with crm.storage.writing() as second:
                assert Dispatcher(crm).tell(second, clock.now()) == 0
            # As if it had been killed: its transaction goes with it.
            first.rollback()
    else:
        with crm.storage.engine.connect() as first:
            assert Dispatcher(crm).tell(first, clock.now()) == 2
            first.rollback()
    assert rows(crm) == []
    workers = [make_worker(crm) for _n in range(3)]
    threads = [threading.Thread(target=worker.run_until_idle) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(diary["post.note"]) == 1


@both_databases
def test_dispatcher_goes_on_in_steps_and_says_how_far_it_lags(make_crm, database, clock, diary, make_worker):
    crm = make_crm(post(noting(diary)), database=database, clock=clock)
    with crm.system("test") as db:
        db.move_many(db.create_many([Parcel(name=str(place)) for place in range(700)]), "sent")
    dispatcher = Dispatcher(crm)
    steps = []
    while True:
        with crm.storage.writing() as connection:
            steps.append(dispatcher.tell(connection, clock.now()))
            lag = connection.execute(untold(crm.schema)).scalar()
        if not lag:
            break
    assert sum(steps) == 1400
    assert len(steps) == 3
    assert len(rows(crm)) == 700
