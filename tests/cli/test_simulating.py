import sqlite3

import pytest


@pytest.fixture
def company(crmkit, project):
    crmkit("user", "create", "Ben")
    crmkit("team", "create", "Sales")
    crmkit("role", "create", "clerk", "--label", "Clerk")
    crmkit("user", "assign", "Ben", "clerk")


def rows(project):
    with sqlite3.connect(next(project.glob("*.db"))) as connection:
        return list(connection.iterdump())


@pytest.mark.long
def test_roles_are_made_shown_changed_and_deleted(crmkit, company):
    crmkit("role", "grant", "clerk", "core.share", "read", "update", "--scope", "all")
    crmkit("role", "grant", "clerk", "core.team", "update", "--rule", 'name == "Sales"')
    shown = crmkit("role", "mask", "clerk", "core.share", "level", "--read-only", "--json").json
    assert [(row["kind"], row["entity"], row["names"], row["scope"]) for row in shown] == [
        ("grant", "core.share", "read update", "all"),
        ("grant", "core.team", "update", "rule"),
        ("read_only", "core.share", "level", None),
    ]
    crmkit("role", "unmask", "clerk", "core.share", "level")
    assert [row["entity"] for row in crmkit("role", "revoke", "clerk", "core.share", "--json").json] == ["core.team"]
    crmkit("role", "delete", "clerk")
    assert crmkit("role", "show", "clerk", "--json", code=1).error["code"] == "unknown-role"
    assert crmkit("user", "show", "Ben", "--json").json["roles"] == ["core.member"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("grant", "clerk", "core.nothing", "read"), "validation"),
        (("grant", "clerk", "core.team", "haunt"), "validation"),
        (("grant", "clerk", "core.team", "read", "--scope", "own"), "validation"),
        (("mask", "clerk", "core.team", "nosuch"), "validation"),
        (("show", "core.nobody"), "unknown-role"),
    ],
)
def test_role_refuses_what_makes_no_sense(crmkit, company, arguments, code):
    assert crmkit("role", *arguments, "--json", code=1).error["code"] == code


@pytest.mark.long
def test_simulation_of_a_command_says_who_gains_what_and_changes_nothing(crmkit, company, project):
    before = rows(project)
    told = crmkit("simulate", "role", "grant", "clerk", "core.role", "read", "--scope", "all", "--json").json
    (shift,) = told["records"]
    assert (shift["entity"], shift["gained"], shift["lost"]) == ("core.role", 1, 0)
    assert told["people"] == {shift["user_id"]: "Ben"}
    assert rows(project) == before
    text = crmkit("simulate", "role", "grant", "clerk", "core.role", "read", "--scope", "all").stdout
    assert "Ben: read on core.role: nowhere → all" in text

    crmkit("role", "grant", "clerk", "core.role", "read", "--scope", "all")
    lost = crmkit("simulate", "user", "unassign", "Ben", "clerk", "--json").json["records"]
    # Who sees assignments loses sight of the one that ends.
    assert {(shift["entity"], shift["lost"]) for shift in lost} == {("core.role", 1), ("core.assignment", 1)}
    away = crmkit("simulate", "user", "deactivate", "Ben", "--json").json["records"]
    assert {shift["entity"]: shift["lost"] for shift in away} == {"core.role": 1, "core.team": 1, "core.user": 2}
    nobody = crmkit(
        "simulate", "--user", "Ada Winter", "role", "grant", "clerk", "core.role", "update", "--scope", "all"
    ).stdout
    assert "Nobody whom you see would gain or lose anything that you see." in nobody


def test_offboarding_is_simulated_like_any_other_command(crmkit, company, project):
    before = rows(project)
    told = crmkit("simulate", "user", "offboard", "Ben", "--to", "Ada Winter", "--json").json
    assert {shift["lost"] for shift in told["records"]} == {1, 2}
    assert rows(project) == before


def test_only_what_can_be_taken_back_is_simulated(crmkit, company):
    assert "can be simulated" in crmkit("simulate", "db", "apply", code=2).stderr
    assert "stands before" in crmkit("simulate", "user", "assign", "Ben", "clerk", "--as", "Ben", code=2).stderr
    error = crmkit("simulate", "--as", "Ben", "role", "delete", "clerk", "--json", code=1).error
    assert error["code"] == "forbidden"
    crmkit("simulate", "role", "grant", "clerk", code=2)
