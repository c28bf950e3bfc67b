"""Users, teams and roles in one line each."""

import pytest

from crmkit import Grant, Mask, NotFoundError, Team, UnknownFieldError, User
from crmkit.core.policy.people import Membership


def test_user_stands_in_a_team_that_is_made_where_it_does_not_exist(crm, people):
    anna = people.user("Anna", team="North")
    ben = people.user("Ben", team="North", email="ben@example.org")

    with crm.system("test") as db:
        (north,) = db.find(Team)
        assert [db.get(User, who.user_id).team_id for who in (anna, ben)] == [north.id, north.id]
        assert db.get(User, ben.user_id).email == "ben@example.org"
    assert crm.principal("Anna") == anna


def test_user_may_belong_to_further_teams(crm, people):
    anna = people.user("Anna", team="North", also=["South", people.team("East")])

    with crm.system("test") as db:
        assert db.count(Membership, Membership.f.user_id == anna.user_id) == 2


def test_team_stands_under_its_parent(people):
    world = people.team("World")

    assert people.team("Europe", parent="World").parent_id == world.id
    assert people.team("World") == world


def test_tree_of_teams_is_made_at_once(people):
    teams = people.teams({"World": {"Europe": {"Berlin": {}}, "Asia": {"中国": {}}}})

    assert list(teams) == ["World", "Europe", "Berlin", "Asia", "中国"]
    assert teams["中国"].parent_id == teams["Asia"].id


def test_member_sees_users_and_who_is_none_sees_nothing(crm, people):
    member, nobody = people.user("Member"), people.user("Nobody", member=False)

    with crm.read(member) as db:
        assert db.count(User) == 2
    with crm.read(nobody) as db:
        assert db.count(User) == 0


def test_role_made_at_run_time_grants_and_masks(crm, people):
    people.role("auditor", [Grant("core.user", ["read"], "name == 'Anna'")], [Mask("core.user", ["email"])])
    anna = people.user("Anna", roles=["auditor"], member=False)
    ben = people.user("Ben", member=False)

    with crm.read(anna) as db:
        assert [user.name for user in db.find(User)] == ["Anna"]
        with pytest.raises(UnknownFieldError):
            _ = db.get(User, anna.user_id).email
        with pytest.raises(NotFoundError):
            db.get(User, ben.user_id)


def test_role_may_be_given_later(crm, people):
    anna = people.user("Anna", member=False)
    people.assign(anna, "core.administrator")

    with crm.read(anna) as db:
        assert db.count(User) == 1
