import pytest

from tests.core.atelier import atelier


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm(atelier(), database=database, clock=clock)


@pytest.fixture
def anna(people):
    return people.user("Anna Snelling", team="Studio", roles=["atelier.painter"], email="anna@example.org")


@pytest.fixture
def boss(people):
    return people.user("Boss", roles=["core.administrator"])
