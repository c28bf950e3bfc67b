from types import SimpleNamespace

import pytest

from crmkit import ReportingLine, TeamLead
from crmkit.testing import People
from tests.core.flow.shop import SHOP


@pytest.fixture
def shop(make_crm, database, clock):
    return make_crm(SHOP, database=database, clock=clock)


@pytest.fixture
def staff(shop):
    """Anna sells; Bo leads her team, Mia is her manager, Uma is named, Ada is an auditor by a role made here."""
    people = People(shop)
    north, seller = people.team("North", parent="Company"), ["shop.seller"]
    auditor = people.role("Auditor")
    made = SimpleNamespace(
        anna=people.user("Anna", team=north, roles=seller),
        carl=people.user("Carl", team=north, roles=seller),
        bo=people.user("Bo", team=north, roles=seller),
        mia=people.user("Mia", team=north, roles=seller),
        uma=people.user("Uma", team=north, roles=seller, email="uma@example.org"),
        ada=people.user("Ada", team=north, roles=[*seller, auditor]),
        chief=people.user("Chief", roles=["shop.chief"]),
        stranger=people.user("Stranger", team="South", roles=seller),
    )
    with shop.system("test") as db:
        db.create(TeamLead(team_id=north.id, user_id=made.bo.user_id))
        db.create(ReportingLine(user_id=made.anna.user_id, manager_id=made.mia.user_id))
    return made
