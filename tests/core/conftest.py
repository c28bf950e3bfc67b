import pytest

from tests.core.atelier import Rating, atelier


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm(atelier(Rating), database=database, clock=clock)


@pytest.fixture
def master(people):
    return people.user("Berthe", team="Studio", roles=["atelier.master"])


@pytest.fixture
def painter(people, master):
    people.team("Bench", parent="Studio")
    return people.user("Camille", team="Bench", roles=["atelier.painter"])
