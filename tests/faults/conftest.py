import pytest

from tests.faults.till import TILL


@pytest.fixture
def crm(make_crm, database):
    return make_crm(TILL, database=database)
