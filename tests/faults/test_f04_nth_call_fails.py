"""F04: whichever call to the database fails, a transaction happens in whole or not at all, and the next one works."""

from contextlib import suppress
from itertools import count

import pytest

from crmkit.core.errors import DatabaseUnreachableError
from crmkit.testing import both_databases
from tests.faults.agreement import check_agreement
from tests.faults.failing_driver import failing
from tests.faults.till import SYSTEM, Order

NOTHING, EVERYTHING = {"A": "open"}, {"A": "paid", "B": "open", "C": "paid"}


def business(crm):
    """Write in every way, in one transaction."""
    with crm.write(SYSTEM) as db:
        _b, c = db.create_many([Order(name="B"), Order(name="C", total=3)])
        db.move(c, "paid")
        a = db.find(Order, 'name == "A"')[0]
        db.move(db.update(a, total=5), "paid")


@both_databases
@pytest.mark.parametrize("when", ["before", "after"])
def test_f04_every_failing_call_leaves_all_or_nothing(crm, when):
    with crm.write(SYSTEM) as db:
        db.create(Order(name="A"))
    for calls in count():
        # Any other error fails the test.
        with failing(crm, calls, when) as countdown, suppress(DatabaseUnreachableError):
            business(crm)
        stages = check_agreement(crm)
        if stages == EVERYTHING:
            break
        assert (countdown.fired, stages) == (True, NOTHING)
    # Either no call was left to fail, or it was the commit, which had gone through when its answer was lost.
    assert countdown.fired == (when == "after")
    assert calls > 15
