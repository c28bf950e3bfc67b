import pytest

from crmkit import Grant
from tests.oracle import extra, trade
from tests.oracle.trade.entities import Deal, Firm, Line, Note, Partner

ENTITIES = (Firm, Deal, Line, Partner, Note)
EVERYTHING = ["read", "create", "update", "delete", "move", "transfer", "share"]


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm(trade, extra, database=database, clock=clock)


@pytest.fixture
def steward(people):
    """Somebody who may do everything with the records of the plugins."""
    grants = [Grant(cls.__entity__.id, EVERYTHING, "all") for cls in ENTITIES]
    return people.user("Stella", roles=[people.role("steward", grants), "trade.auditor"])


@pytest.fixture
def somebody(people):
    """Return a function that makes a user with some grants and masks."""

    def make(*grants, masks=(), name="Some"):
        return people.user(name, roles=[people.role(f"role of {name}", grants, masks), "trade.auditor"])

    return make
