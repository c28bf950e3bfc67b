"""F09: eight threads want the same row all the time; each comes to its turn, and none of the changes is lost."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from crmkit.testing import both_databases
from tests.faults.agreement import check_agreement
from tests.faults.till import SYSTEM, Order

THREADS = 8


@both_databases
@pytest.mark.parametrize("times", [25, pytest.param(100, marks=pytest.mark.slow)])
def test_f09_who_holds_a_row_needs_no_second_try(crm, times):
    with crm.write(SYSTEM) as db:
        made = db.create(Order(name="hot"))

    def work(_number):
        for _turn in range(times):
            with crm.write(SYSTEM) as db:
                [order] = db.hold([made])
                db.update(order, total=order.total + 1)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    with crm.read(SYSTEM) as db:
        assert db.get(Order, made.id).total == THREADS * times
    check_agreement(crm)
