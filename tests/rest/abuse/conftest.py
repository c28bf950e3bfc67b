"""A small sales department, and people in it who want more than is theirs."""

import attrs
import pytest

from crmkit import Grant, Mask
from crmkit.core.configuration.config import Files
from crmkit.plugins.customers.entities import Company
from crmkit.plugins.sales.entities import Deal
from tests.rest.abuse.asking import ALL, CANARY, HIDDEN


@pytest.fixture
def crm(make_crm, database, clock, tmp_path):
    made = make_crm("sales", "workspace", database=database, clock=clock)
    made.config = attrs.evolve(made.config, files=Files(str(tmp_path / "files")))
    return made


@pytest.fixture
def seller(people):
    """Sees her own deals, without some of their fields, and no company."""
    people.role("seller", [Grant("sales.deal", ALL, "own")], [Mask("sales.deal", HIDDEN)])
    return people.user("Sela", team="North", roles=["seller"])


@pytest.fixture
def root(people):
    return people.user("Root", roles=["core.administrator"])


@pytest.fixture
def others(people):
    """Three people who see nothing of what is foreign: by another role, without any, and without being a member."""
    people.role("clerk", [Grant("sales.deal", ["read"], "team"), Grant("customers.company", ["read"], "own")])
    return [
        people.user("Cleo", team="South", roles=["clerk"]),
        people.user("Mia", team="South"),
        people.user("Nemo", member=False),
    ]


@pytest.fixture
def mine(crm, seller):
    with crm.system("test") as db:
        return db.create(Deal(name="Mine", owner_id=seller.user_id))


@pytest.fixture
def foreign(crm):
    """Two deals of nobody, and their company."""
    with crm.system("test") as db:
        company = db.create(Company(name=f"{CANARY} Ltd"))
        return db.create_many([Deal(name=f"{CANARY} {n}", company_id=company.id) for n in range(2)])
