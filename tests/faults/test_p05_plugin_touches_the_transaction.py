"""P05: plugins that change what they are shown, end the caller's transaction, or keep it. It is whole, or not there."""

import threading
from contextlib import nullcontext, suppress

import pytest
import sqlalchemy as sa

from crmkit import CrmkitError, Subscriber, Trigger, Writer
from crmkit.core.hooks import HookFailedError
from crmkit.core.side_doors import SideDoorError
from crmkit.core.storage.held import TransactionHeldError, TransactionOverError
from crmkit.testing import both_databases, plugin
from tests.faults.agreement import check_agreement
from tests.faults.till import SYSTEM, TILL, Order, Tape

pytestmark = both_databases


@pytest.fixture
def crm_with(make_crm, database):
    """Return a CRM of the till and a plugin with this hook."""

    def make(hook):
        return make_crm(TILL, plugin("rude", hooks=[hook]), database=database)

    return make


def touched(name, value):
    def touch(write):
        setattr(write, name, value)

    return touch


def put(mapping, key, value):
    def touch(write):
        getattr(write, mapping)[key] = value

    return touch


TOUCHES = {
    "kind": touched("kind", "delete"),
    "record": touched("record_id", None),
    "rights": touched("allowed", True),
    "trust": touched("trusted", True),
    "version": touched("version", 7),
    "values": touched("values", {}),
    "a value": put("values", "total", 1_000_000),
    "the stored row": put("stored", "total", 1_000_000),
    "details": put("details", "placed", True),
}


@pytest.mark.parametrize("hook", ["crmkit_before_write", "crmkit_check_write", "crmkit_check_move"])
@pytest.mark.parametrize("touch", TOUCHES.values(), ids=TOUCHES)
def test_p05_hook_cannot_change_what_it_is_asked_about(crm_with, hook, touch):
    def implementation(writes):
        if writes[0].kind == "move":
            touch(writes[0])

    implementation.__name__ = hook
    crm = crm_with(implementation)
    with crm.system("test") as db:
        order = db.create(Order(name="first"))

    with crm.system("test") as db, pytest.raises(HookFailedError, match="TypeError"):
        db.move(order, "paid")

    assert check_agreement(crm) == {"first": "open"}


@pytest.mark.parametrize("hook", ["crmkit_before_write", "crmkit_check_write"])
def test_p05_hook_that_adds_to_a_list_in_a_value_changes_a_copy(crm_with, hook):
    def implementation(writes):
        for write in writes:
            write.get("lines").append(666)
            write.stored.get("lines", []).append(777)

    implementation.__name__ = hook
    crm = crm_with(implementation)
    with crm.system("test") as db:
        tape = db.create(Tape(lines=[1]))
        tape = db.update(tape, lines=[1, 2])

    with crm.read(SYSTEM) as db:
        assert db.get(Tape, tape.id).lines == [1, 2]
        assert [entry.changes["lines"][1] for entry in db.history(tape)] == [[1], [1, 2]]


def test_p05_what_a_hook_sets_before_the_write_is_seen_by_the_next_and_written(crm_with):
    seen = []

    def crmkit_before_write(writes):
        for write in writes:
            write.set("lines", [*write.get("lines"), 9])
            seen.append(write.get("lines"))

    crm = crm_with(crmkit_before_write)
    with crm.system("test") as db:
        tape = db.create(Tape(lines=[1]))

    assert (tape.lines, seen) == ([1, 9], [[1, 9]])


def test_p05_event_cannot_be_changed(make_crm, make_worker, database):
    told = []

    def handle(context, event):
        told.append(event)
        event.record_id = None

    subscriber = Subscriber("rude.hear", Trigger("till.order"), handle)
    crm = make_crm(TILL, plugin("rude", subscribers=[subscriber]), database=database)
    with crm.system("test") as db:
        order = db.create(Order(name="first"))
    make_worker(crm).run_until_idle()

    assert [event.record_id for event in told] == [order.id]
    assert check_agreement(crm) == {"first": "open"}


# By public names nobody comes to the connection; these begin where a plugin takes a private one all the same.
ENDINGS = {
    "commit": lambda c: c.commit(),
    "rollback": lambda c: c.rollback(),
    "close": lambda c: c.close(),
    "the transaction's commit": lambda c: c.get_transaction().commit(),
    "the transaction's rollback": lambda c: c.get_transaction().rollback(),
    "COMMIT": lambda c: c.exec_driver_sql("COMMIT"),
    "text COMMIT": lambda c: c.execute(sa.text(" /* now */ commit")),
    "END": lambda c: c.exec_driver_sql("-- now\nEND"),
    "ROLLBACK": lambda c: c.exec_driver_sql("ROLLBACK"),
    "several statements": lambda c: c.exec_driver_sql("SELECT 1; COMMIT"),
    "savepoint": lambda c: c.begin_nested(),
    "SAVEPOINT": lambda c: c.exec_driver_sql("SAVEPOINT mine"),
    "release of ours": lambda c: c.exec_driver_sql("RELEASE SAVEPOINT sa_savepoint_1"),
    "rollback to ours": lambda c: c.exec_driver_sql("ROLLBACK TO SAVEPOINT sa_savepoint_1"),
}


@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)
def test_p05_hook_that_ends_the_transaction_and_says_nothing_leaves_nothing_of_it(crm_with, end):
    def crmkit_check_write(context, writes):
        if writes[0].get("name") == "second":
            with suppress(CrmkitError, sa.exc.SQLAlchemyError):
                end(context.trusted._connection)

    crm = crm_with(crmkit_check_write)

    def write(savepoint):
        with crm.system("test") as db:
            db.create(Order(name="first"))
            with savepoint(db):
                db.create(Order(name="second"))
            db.create(Order(name="third"))

    for savepoint in (nullcontext, Writer.attempt):
        with pytest.raises(TransactionHeldError):
            write(savepoint)

    assert check_agreement(crm) == {}
    # The connection goes back to the pool as if nothing had been.
    with crm.system("test") as db:
        db.create(Order(name="after"))
    assert check_agreement(crm) == {"after": "open"}


def test_p05_commit_of_a_held_transaction_is_refused_with_what_was_tried(crm_with):
    def crmkit_check_write(context, writes):
        context.trusted._connection.commit()

    crm = crm_with(crmkit_check_write)
    with pytest.raises(TransactionHeldError, match="tried commit") as caught, crm.system("test") as db:
        db.create(Order(name="first"))

    assert caught.value.code == "transaction-held"


def test_p05_nobody_comes_to_the_connection_by_a_public_name(crm_with):
    def crmkit_check_write(context, writes):
        context.trusted.connection.commit()

    crm = crm_with(crmkit_check_write)
    with pytest.raises(SideDoorError, match="may not use connection"), crm.system("test") as db:
        db.create(Order(name="first"))

    assert check_agreement(crm) == {}


def test_p05_reader_that_a_hook_kept_is_of_no_use_after_the_block(crm_with):
    kept = []

    def crmkit_check_write(context, writes):
        kept.append(context)

    crm = crm_with(crmkit_check_write)
    with crm.system("test") as db:
        db.create(Order(name="first"))
    (context,) = kept
    context.create(Order(name="too late"))

    for use in (context.trusted.count, context.trusted.find):
        with pytest.raises(TransactionOverError, match="its block has ended"):
            use(Order)
    with pytest.raises(TransactionOverError):
        db.create(Order(name="too late"))
    assert check_agreement(crm) == {"first": "open"}


def test_p05_thread_of_a_plugin_cannot_use_the_transaction_that_it_was_started_in(crm_with):
    failed = []

    def crmkit_check_write(context, writes):
        def work():
            try:
                context.trusted.find(Order)
            except CrmkitError as error:
                failed.append(error.code)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    crm = crm_with(crmkit_check_write)
    with crm.system("test") as db:
        db.create(Order(name="first"))

    assert failed == ["transaction-over"]
    assert check_agreement(crm) == {"first": "open"}
