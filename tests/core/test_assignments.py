"""Who is given a role gets one that there is: a misspelt one is refused, and one that went away breaks nothing."""

from contextlib import closing

import pytest

from crmkit import CRM, Assignment, Grant, Owned, ValidationError, entity, field, translator
from crmkit.core.policy.people import RoleRecord
from crmkit.testing import both_databases, plugin

_ = translator("tests")


@entity("stall.fruit", label=_("Fruit"))
class Fruit(Owned):
    name: str = field()


STALL = plugin("stall", entities=[Fruit])


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm(STALL, database=database, clock=clock)


@pytest.fixture
def ada(people):
    return people.user("Ada", roles=["core.administrator"])


@pytest.fixture
def otto(people):
    return people.user("Otto")


def refused(crm, principal, *roles, user):
    """Return the problems with which assigning *roles* is refused, by the place in the batch."""
    with crm.write(principal) as db, pytest.raises(ValidationError) as error:
        db.create_many([Assignment(user_id=user.user_id, role=role) for role in roles])
    return {place: [problem.facts for problem in problems] for place, problems in error.value.by_index.items()}


@both_databases
def test_a_role_that_there_is_not_is_refused_with_those_that_there_are(crm, people, ada, otto):
    people.role("buyer")
    ((place, (problem,)),) = refused(crm, ada, "buyer", "stall.everythin", user=otto).items()
    assert (place, problem["field"], problem["problem"], problem["role"]) == (1, "role", "unknown", "stall.everythin")
    assert {"core.member", "stall.everything", "buyer"} <= set(problem["roles"].split(", "))
    with crm.write(ada) as db:
        db.create_many([Assignment(user_id=otto.user_id, role=role) for role in ("stall.everything", "buyer")])
        (held,) = db.find(Assignment, 'role == "buyer"')
        with pytest.raises(ValidationError, match="role: there is no role 'seller'"):
            db.update(held, role="seller")
    with crm.write(otto) as db:
        db.create(Fruit(name="Apple"))


@both_databases
def test_a_role_may_be_made_and_given_in_one_batch(crm, ada, otto):
    with crm.write(ada) as db:
        db.create_many([RoleRecord(name="new", label="New"), Assignment(user_id=otto.user_id, role="new")])
        db.create(RoleRecord(name="newer", label="Newer"))
        db.create(Assignment(user_id=otto.user_id, role="newer"))


@both_databases
def test_a_role_that_one_does_not_see_is_answered_as_one_that_there_is_not(crm, people, otto):
    people.role("hidden")
    people.role("helper", [Grant("core.assignment", ["read", "create"], "all"), Grant("core.user", ["read"], "all")])
    helper = people.user("Hanna", roles=["helper"], member=False)
    told = [refused(crm, helper, role, user=otto)[0][0] for role in ("hidden", "nosuch")]
    assert told[0].pop("role") == "hidden"
    assert told[1].pop("role") == "nosuch"
    assert told[0] == told[1]
    assert "hidden" not in told[0]["roles"]


@both_databases
def test_roles_of_a_plugin_that_went_away_are_kept_and_break_nothing(crm, clock, people, ada, otto):
    people.assign(otto, "stall.everything")
    less = CRM(crm.config, plugins=[each for each in crm.plugins if each.name != "stall"], clock=clock)
    with closing(less), less.write(ada) as db:
        (held,) = db.find(Assignment, 'role == "stall.everything"')
        held = db.update(held, user_id=ada.user_id)
        db.delete(held)
        held = db.update(db.restore(Assignment, held.id), {"user_id": otto.user_id, "role": held.role})
    with crm.write(otto) as db:
        db.create(Fruit(name="Apple"))
    less = CRM(crm.config, plugins=[each for each in crm.plugins if each.name != "stall"], clock=clock)
    with closing(less):
        (problem,) = refused(less, ada, "stall.everything", user=ada)[0]
    assert problem["role"] == "stall.everything"
