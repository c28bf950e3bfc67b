import pytest

from tests.core.jobs.watching import Diary
from tests.faults.till import TILL


@pytest.fixture
def crm(make_crm, database):
    return make_crm(TILL, database=database)


@pytest.fixture
def diary():
    return Diary()
