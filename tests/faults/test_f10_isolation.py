"""F10: transactions that hold what they look at, or read it in one statement, behave as if each ran alone."""

import random
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from crmkit import TryAgainError
from crmkit.testing import both_databases
from tests.faults.elle import Transaction, cycle
from tests.faults.till import SYSTEM, Tape

THREADS, TAPES = 6, 5
_numbers = count(1)


def read_only(crm, chance, tapes):
    with crm.read(SYSTEM) as db:
        found = db.get_many(Tape, [tape.id for tape in chance.sample(tapes, 3)])
    return Transaction({id_: tape.lines for id_, tape in found.items()}, {})


def read_and_append(crm, chance, tapes):
    with crm.write(SYSTEM) as db:
        held = db.hold(chance.sample(tapes, 3))
        written = {tape.id: next(_numbers) for tape in held[: chance.randint(1, 2)]}
        for tape in held:
            if tape.id in written:
                db.update(tape, lines=[*tape.lines, written[tape.id]])
    return Transaction({tape.id: tape.lines for tape in held}, written)


def history(crm, transactions):
    with crm.write(SYSTEM) as db:
        tapes = db.create_many([Tape() for _ in range(TAPES)])

    def work(number):
        chance, done = random.Random(number), []
        while len(done) < transactions // THREADS:
            try:
                reads = chance.random() < 0.4
                done.append(read_only(crm, chance, tapes) if reads else read_and_append(crm, chance, tapes))
            except TryAgainError:
                continue
        return done

    with ThreadPoolExecutor(THREADS) as pool:
        found = [transaction for part in pool.map(work, range(THREADS)) for transaction in part]
    with crm.read(SYSTEM) as db:
        return [*found, Transaction({tape.id: tape.lines for tape in db.find(Tape)}, {})]


@both_databases
@pytest.mark.parametrize("transactions", [600, pytest.param(5_000, marks=pytest.mark.slow)])
def test_f10_history_of_transactions_has_no_cycle(crm, transactions):
    found = history(crm, transactions)
    assert len(found) >= transactions - THREADS
    assert cycle(found) == []


def test_the_checker_finds_write_skew():
    """Both read what the other then writes: no order explains it."""
    assert cycle([Transaction({"x": [], "y": []}, {"x": 1}), Transaction({"x": [], "y": []}, {"y": 2}), LAST])


def test_the_checker_finds_a_read_between_two_writes_of_one_transaction():
    assert cycle([Transaction({}, {"x": 1, "y": 2}), Transaction({"x": [1], "y": []}, {}), LAST])


def test_the_checker_finds_a_lost_append():
    with pytest.raises(AssertionError, match="disagree"):
        cycle([Transaction({"x": [1]}, {"x": 1}), Transaction({"x": [2]}, {"x": 2})])


LAST = Transaction({"x": [1], "y": [2]}, {})
