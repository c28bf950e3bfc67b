"""Merges at the same time: one of them is told, and none leaves a circle or a reference to what is gone."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from crmkit import CrmkitError, NotFoundError, StaleError, TryAgainError
from crmkit.testing import both_databases
from tests.oracle.trade.entities import Deal, Firm


def at_once(*tasks):
    """Run *tasks* at the same time and return what each raised."""
    barrier = Barrier(len(tasks))

    def run(task):
        barrier.wait(10)
        try:
            task()
        except CrmkitError as error:
            return error
        return None

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(run, tasks))


@both_databases
@pytest.mark.parametrize("pairs", [((0, 1), (1, 0)), ((0, 1), (2, 1)), ((0, 1), (1, 2)), ((0, 1), (0, 2))])
def test_two_merges_that_share_a_record_make_a_chain_or_one_is_told(crm, steward, pairs):
    with crm.write(steward) as db:
        firms = db.create_many([Firm(name=str(n), tax=str(n) if n else None) for n in range(3)])
        db.create_many([Deal(name="x", firm_id=firm.id) for firm in firms])

    def merging(winner, loser):
        def task():
            with crm.write(steward) as db:
                db.merge(firms[winner], [firms[loser]])

        return task

    raised = [type(error) for error in at_once(*(merging(*pair) for pair in pairs)) if error]

    # Only where the loser of one is the winner of the other can both be done.
    assert len(raised) == 1 or (not raised and pairs == ((0, 1), (1, 2)))
    assert set(raised) <= {StaleError, NotFoundError, TryAgainError}
    with crm.read(steward) as db:
        alive = {firm.id for firm in db.find(Firm)}
        assert len(alive) == 1 + len(raised)
        assert {deal.firm_id for deal in db.find(Deal)} == alive
        assert {db.get(Firm, firm.id).id for firm in firms} == alive


@both_databases
def test_what_begins_to_refer_to_a_loser_meanwhile_refers_to_the_winner(crm, steward):
    for _round in range(5):
        with crm.write(steward) as db:
            winner, loser = db.create_many([Firm(name="a"), Firm(name="b")])

        def merge(winner=winner, loser=loser):
            with crm.write(steward) as db:
                db.merge(winner, [loser])

        def refer(loser=loser):
            with crm.write(steward) as db:
                db.create(Deal(name="x", firm_id=loser.id))

        assert at_once(merge, refer) == [None, None]
        with crm.read(steward) as db:
            assert {deal.firm_id for deal in db.find(Deal, limit=1)} == {winner.id}
