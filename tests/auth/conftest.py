import attrs
import pytest

from crmkit.auth import Client, find_session, set_password, sign_in
from tests.core.atelier import atelier

PASSWORD = "correct horse battery"
BROWSER = Client("192.0.2.7", "Firefox")


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm(atelier(), database=database, clock=clock)


@pytest.fixture
def anna(people):
    return people.user("Anna Snelling", team="Studio", roles=["atelier.painter"], email="anna@example.org")


@pytest.fixture
def boss(people):
    return people.user("Boss", roles=["core.administrator"])


@pytest.fixture
def give_password(crm):
    """Give somebody a password, as the system does."""

    def give(principal, password=PASSWORD):
        with crm.system("test") as db:
            set_password(db, principal.user_id, password, least=12)
        return password

    return give


@pytest.fixture
def cookie(crm, anna, give_password):
    """The secret of Anna's session, proved by her password."""
    give_password(anna)
    return sign_in(crm, "anna@example.org", PASSWORD, BROWSER)


@pytest.fixture
def session(crm, cookie):
    return find_session(crm, cookie)


@pytest.fixture
def configured(crm):
    """Change what a section of the configuration says."""

    def configure(section, **values):
        changed = attrs.evolve(getattr(crm.config, section), **values)
        crm.config = attrs.evolve(crm.config, **{section: changed})

    return configure
