"""F08: eight threads change one record that each has read before; nobody's change is lost, who is late is told."""

from concurrent.futures import ThreadPoolExecutor

from crmkit import StaleError
from crmkit.testing import both_databases
from tests.faults.agreement import check_agreement
from tests.faults.till import SYSTEM, Order

THREADS, TIMES = 8, 100


@both_databases
def test_f08_eight_hundred_increments_lose_none(crm):
    with crm.write(SYSTEM) as db:
        made = db.create(Order(name="counter"))

    def increment():
        with crm.write(SYSTEM) as db:
            order = db.get(Order, made.id)
            db.update(order, total=order.total + 1)

    def work(_number):
        done = 0
        while done < TIMES:
            try:
                increment()
            except StaleError:
                continue
            done += 1

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    with crm.read(SYSTEM) as db:
        stored = db.get(Order, made.id)
        assert (stored.total, stored.version) == (THREADS * TIMES, THREADS * TIMES + 1)
    check_agreement(crm)
