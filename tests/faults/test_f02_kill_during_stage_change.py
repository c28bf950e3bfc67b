"""F02: a process that is killed while it moves a record leaves all of the move, or nothing of it."""

import os
import signal
from contextlib import contextmanager

import pytest

from crmkit.core.ledger import Ledger
from crmkit.core.writing import life, store
from crmkit.core.writing.visits import Visits
from crmkit.testing import both_databases
from tests.faults.agreement import check_agreement
from tests.faults.processes import run
from tests.faults.till import SYSTEM, Order, open_crm, url_of

# Where the process dies: what it was about to call or had just called.
FAILPOINTS = {
    "before the stored row is read": (life, "load_stored", "before"),
    "after hooks were asked": (life, "_hook_rounds", "after"),
    "before the row is written": (store.Store, "update", "before"),
    "after the row was written": (store.Store, "update", "after"),
    "between leaving one stage and entering the next": (Visits, "enter", "before"),
    "after the visits were written": (Visits, "enter", "after"),
    "after the ledger was written": (Ledger, "append", "after"),
    "after the outbox was written, before the commit": (Ledger, "announce", "after"),
}


def move_and_die(url, id_, failpoint):
    owner, name, when = FAILPOINTS[failpoint]
    original = getattr(owner, name)

    def deadly(*arguments, **named):
        if when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        original(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    crm = open_crm(url)
    with crm.write(SYSTEM) as db:
        order = db.get(Order, id_)
        setattr(owner, name, deadly)
        db.move(order, "paid")


def move_and_die_at_once(url, id_):
    with open_crm(url).write(SYSTEM) as db:
        db.move(db.get(Order, id_), "paid")
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def an_order(crm):
    with crm.write(SYSTEM) as db:
        order = db.create(Order(name="A"))
    crm.storage.dispose()
    yield order


@both_databases
@pytest.mark.parametrize("failpoint", FAILPOINTS)
def test_f02_killed_within_the_transaction_nothing_happened(crm, failpoint):
    with an_order(crm) as order:
        assert run(move_and_die, url_of(crm), order.id, failpoint) == -signal.SIGKILL
    assert check_agreement(crm) == {"A": "open"}
    with crm.write(SYSTEM) as db:
        db.move(db.get(Order, order.id), "paid")
    assert check_agreement(crm) == {"A": "paid"}


@both_databases
def test_f02_killed_after_the_commit_all_of_it_happened(crm):
    with an_order(crm) as order:
        assert run(move_and_die_at_once, url_of(crm), order.id) == -signal.SIGKILL
    assert check_agreement(crm) == {"A": "paid"}
