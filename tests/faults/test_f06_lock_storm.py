"""F06: eight processes write at once; all wait their turn, none fails."""

import pytest

from crmkit.testing import both_databases
from tests.faults.agreement import check_agreement
from tests.faults.processes import start
from tests.faults.till import SYSTEM, Order, open_crm, url_of

PROCESSES = 8


def write_many(url, number, times):
    crm = open_crm(url)
    for turn in range(times):
        with crm.write(SYSTEM) as db:
            db.move(db.create(Order(name=f"{number}-{turn}")), "paid")
    crm.close()


@both_databases
@pytest.mark.parametrize("times", [20, pytest.param(150, marks=pytest.mark.slow)])
def test_f06_eight_processes_write_without_an_error(crm, times):
    crm.storage.dispose()
    storm = [start(write_many, url_of(crm), number, times) for number in range(PROCESSES)]
    for process in storm:
        process.join(300)
    assert [process.exitcode for process in storm] == [0] * PROCESSES
    assert len(check_agreement(crm)) == PROCESSES * times
