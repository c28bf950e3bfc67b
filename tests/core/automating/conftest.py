import pytest

from crmkit import AutomationRecord
from tests.core.automating.boxes import BOXES


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm(BOXES, database=database, clock=clock)


@pytest.fixture
def boss(people):
    return people.user("Boss", roles=["core.administrator"])


@pytest.fixture
def automate(crm, boss):
    """Save an automation of boxes, as the administrator and acting as them."""

    def save(*actions, name="custom.auto", trigger=None, principal=boss, **more):
        values = {
            "entity": "depot.box",
            "trigger": trigger or {"on": "write", "kinds": ["create"]},
            "actions": list(actions),
            "runs_as_id": principal.user_id,
            **more,
        }
        with crm.write(principal) as db:
            return db.create(AutomationRecord(name=name, **values))

    return save
