"""Several at once on one database: nothing is lost, nobody fails for being second."""

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, Event
from time import sleep

import pytest
import sqlalchemy as sa

from crmkit import ConflictError, StaleError, TryAgainError, ValidationError
from crmkit.core.verifying.ledger import verify_ledger
from crmkit.core.writing.writer import WriterBrokenError
from crmkit.testing import both_databases
from tests.core.atelier import Artist, Commission

WORKERS = 8
postgresql_only = pytest.mark.parametrize("database", [pytest.param("postgresql", marks=pytest.mark.postgresql)])


def together(task):
    """Return what *task* gives for each of the workers, run at the same time."""
    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(task, range(WORKERS)))


def test_eight_writers_and_eight_readers_share_one_sqlite_file(crm, master):
    done = Event()

    def write(number):
        for n in range(25):
            with crm.write(master) as db:
                db.create_many([Artist(name=f"{number}-{n}-{k}") for k in range(4)])

    def read(_number):
        sizes = [0]
        while not done.is_set():
            with crm.read(master) as db:
                found = db.count(Artist)
                assert len(db.find(Artist)) == found
                sizes.append(found)
        assert sizes == sorted(sizes)
        assert all(size % 4 == 0 for size in sizes)
        return len(sizes)

    with ThreadPoolExecutor(WORKERS) as readers:
        reading = [readers.submit(read, n) for n in range(WORKERS)]
        together(write)
        done.set()
        assert sum(task.result() for task in reading) > WORKERS

    with crm.read(master) as db:
        assert db.count(Artist) == WORKERS * 25 * 4


@both_databases
def test_human_numbers_are_given_once(crm, master):
    def worker(_number):
        for _ in range(10):
            with crm.write(master) as db:
                db.create_many([Commission(title="x"), Commission(title="y")])

    together(worker)

    with crm.read(master) as db:
        numbers = [commission.number for commission in db.find(Commission)]
    assert len(set(numbers)) == len(numbers) == WORKERS * 20


@both_databases
def test_ledger_ids_follow_the_order_of_commits(crm, master):
    def worker(number):
        for n in range(10):
            with crm.write(master) as db:
                db.create(Artist(name=f"{number}-{n}"))

    together(worker)

    ledger = crm.schema.system.ledger
    with crm.storage.reading() as connection:
        ids = connection.scalars(sa.select(ledger.c.id).order_by(ledger.c.id)).all()
        assert ids == list(range(1, len(ids) + 1))
        assert verify_ledger(connection, crm.schema) == len(ids)


@both_databases
def test_of_two_who_change_the_same_record_one_is_told(crm, master):
    with crm.write(master) as db:
        made = db.create(Artist(name="Ada"))

    def worker(number):
        try:
            with crm.write(master) as db:
                db.update(made, name=f"Ada {number}")
        except StaleError:
            return 0
        return 1

    assert sum(together(worker)) == 1


def meanwhile(first, second):
    """Run *first*, which gets a function that lets *second* begin, and return what both raised."""
    begun, raised = Event(), {}

    def run(name, task, *given):
        try:
            task(*given)
        except Exception as error:
            raised[name] = error

    def begin():
        begun.set()
        # As long as the other may need to come to where it must wait.
        sleep(0.3)

    with ThreadPoolExecutor(2) as pool:
        pool.submit(lambda: begun.wait(5) and run("second", second))
        run("first", first, begin)
        begun.set()
    return raised.get("first"), raised.get("second")


def writing(crm, person, step):
    """Return a task that takes *step* in a transaction and then lets another task begin."""

    def task(begin=lambda: None):
        with crm.write(person) as db:
            step(db)
            begin()

    return task


@both_databases
@pytest.mark.parametrize("by", ["caller", "system"])
def test_no_reference_leads_to_a_record_that_is_being_deleted(crm, master, by):
    with crm.write(master) as db:
        artist = db.create(Artist(name="Ada"))

    def create():
        with crm.write(master) if by == "caller" else crm.system("test") as db:
            db.create(Commission(title="Sea", artist_id=artist.id))

    deleted, created = meanwhile(writing(crm, master, lambda db: db.delete(artist)), create)

    assert (deleted, type(created)) == (None, ValidationError)
    assert "there is no atelier.artist" in str(created)
    with crm.system("test") as db:
        assert db.count(Commission) == db.count(Artist) == 0


@both_databases
def test_no_record_is_deleted_that_is_being_referred_to(crm, master):
    with crm.write(master) as db:
        artist = db.create(Artist(name="Ada"))
    create = writing(crm, master, lambda db: db.create(Commission(title="Sea", artist_id=artist.id)))

    created, deleted = meanwhile(create, writing(crm, master, lambda db: db.delete(artist)))

    assert (created, type(deleted)) == (None, ConflictError)


@postgresql_only
def test_a_record_that_is_being_changed_may_be_referred_to_meanwhile(crm, master, database):
    with crm.write(master) as db:
        artist = db.create(Artist(name="Ada"))
    created = Event()

    def create():
        with crm.write(master) as db:
            db.create(Commission(title="Sea", artist_id=artist.id))
            created.set()

    with ThreadPoolExecutor(1) as pool:
        with crm.write(master) as db:
            db.update(artist, name="Eva")
            task = pool.submit(create)
            assert created.wait(5)
        task.result()


@postgresql_only
def test_of_two_who_wait_for_each_other_one_is_told_to_try_again(crm, master, database):
    with crm.write(master) as db:
        made = db.create_many([Commission(title="Sea"), Commission(title="Lake")])
    meet, told = Barrier(2), []

    def change(first, second):
        with crm.write(master) as db:
            db.update(db.get(Commission, first.id), hours=1)
            meet.wait(5)
            db.update(db.get(Commission, second.id), hours=2)

    def worker(number):
        try:
            change(*(made if number else made[::-1]))
        except TryAgainError as error:
            told.append(error)
            return number

    with ThreadPoolExecutor(2) as pool:
        (refused,) = {*pool.map(worker, range(2))} - {None}
    meet = Barrier(1)
    worker(refused)

    assert [error.code for error in told] == ["try-again"]
    assert "Nothing was written" in str(told[0])
    with crm.read(master) as db:
        assert sorted(commission.version for commission in db.find(Commission)) == [3, 3]


@postgresql_only
def test_a_transaction_that_was_told_to_try_again_cannot_commit(crm, master, database):
    with crm.write(master) as db:
        made = db.create_many([Commission(title="Sea"), Commission(title="Lake")])
    meet = Barrier(2)

    def worker(number):
        first, second = made if number else made[::-1]
        try:
            with crm.write(master) as db:
                db.external.give("erp", Commission, {f"{number}": first.id})
                db.update(first, hours=1)
                meet.wait(5)
                with suppress(TryAgainError):
                    db.update(second, hours=2)
        except WriterBrokenError:
            return "broken"
        return "written"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(worker, range(2))) == ["broken", "written"]


@both_databases
def test_batches_of_the_same_records_in_any_order_wait_for_no_one_who_waits_for_them(crm, master):
    with crm.write(master) as db:
        made = db.create_many([Commission(title=str(number)) for number in range(40)])
    ids = [each.id for each in made]

    def worker(number):
        order = random.Random(number)
        for _ in range(5):
            mine = order.sample(ids, 30)
            while True:
                try:
                    with crm.write(master) as db:
                        found = db.get_many(Commission, mine)
                        db.update_many([(found[id_], {"hours": found[id_].hours + 1}) for id_ in mine])
                    break
                except StaleError:
                    continue

    together(worker)

    with crm.read(master) as db:
        assert sum(commission.hours for commission in db.find(Commission)) == WORKERS * 5 * 30


@pytest.mark.parametrize("database", ["sqlite"])
def test_who_waits_in_vain_for_the_writer_is_told_to_try_again(crm, master, database):
    with crm.write(master) as db:
        db.create(Artist(name="Ada"))
        with crm.storage.engine.connect() as other:
            other.exec_driver_sql("PRAGMA busy_timeout = 50")
            with pytest.raises(TryAgainError):
                other.exec_driver_sql("UPDATE core_epoch SET value = value")


@both_databases
def test_a_reader_sees_a_change_of_policy_at_once(crm, people, painter):
    with crm.read(painter) as db:
        assert db.find(Commission) == []
    with crm.system("test") as db:
        made = db.create(Commission(title="Sea"))
        db.share(made, user=painter.user_id)
    with crm.read(painter) as db:
        assert db.find(Commission) == [made]
    with crm.system("test") as db:
        db.unshare(made, user=painter.user_id)
    with crm.read(painter) as db:
        assert db.find(Commission) == []


def test_principals_alternate_on_pooled_connections_without_seeing_each_other(crm, painter, master):
    with crm.write(painter) as db:
        mine = db.create(Commission(title="Mine"))
    with crm.write(master) as db:
        theirs = db.create(Commission(title="Theirs"))
    seen = {painter: [mine], master: [theirs, mine]}

    def worker(number):
        who = (painter, master)[number % 2]
        for _ in range(125):
            with crm.read(who) as db:
                assert db.find(Commission, limit=10) == seen[who]
                assert db.count(Commission) == len(seen[who])

    together(worker)


@pytest.mark.parametrize("fault", ["before", "after"])
def test_a_deactivated_user_is_out_at_the_next_transaction(crm, painter, fault):
    from crmkit import User
    from crmkit.core.policy.access_cache import InactiveUserError

    with crm.read(painter) as db:
        db.find(Commission)
    with crm.system("test") as db:
        user = db.get(User, painter.user_id)
        if fault == "before":
            db.update(user, is_active=False)
        else:
            db.delete(user)
    for door in (crm.read, crm.write):
        with pytest.raises(InactiveUserError, match="is no active user"), door(painter):
            pass
