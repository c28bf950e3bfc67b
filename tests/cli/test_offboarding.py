import pytest


@pytest.fixture
def company(crmkit, project):
    for name in ("Ben", "Cleo", "Dora"):
        crmkit("user", "create", name)


def test_offboarding_is_previewed_done_and_given_back(crmkit, company):
    preview = crmkit("user", "offboard", "Ben", "--to", "Cleo", "--preview", "--json").json
    assert [(row["entity"], row["field"], row["count"]) for row in preview] == [("core.assignment", "user_id", 1)]
    assert crmkit("user", "show", "Ben", "--json").json["is_active"] is True

    assert crmkit("user", "offboard", "Ben", "--to", "Cleo", "--json").json == preview
    gone = crmkit("user", "show", "Ben", "--json").json
    assert (gone["is_active"], gone["roles"]) == (False, [])

    back = crmkit("user", "offboard", "Ben", "--return", "--json").json
    assert back == {"returned": {"core.assignment": 1}, "changed": []}
    there = crmkit("user", "show", "Ben", "--json").json
    assert (there["is_active"], there["roles"]) == (True, ["core.member"])
    assert "was not offboarded" in crmkit("user", "offboard", "Ben", "--return", code=1).stderr


def test_offboarding_needs_a_successor_or_to_be_taken_back(crmkit, company):
    for wrong in ([], ["--to", "Cleo", "--return"], ["--return", "--preview"]):
        crmkit("user", "offboard", "Ben", *wrong, code=2)
    assert "nobody succeeds themselves" in crmkit("user", "offboard", "Ben", "--to", "Ben", code=1).stderr


@pytest.mark.long
def test_last_administrator_is_not_offboarded(crmkit, company):
    error = crmkit("user", "offboard", "Ada Winter", "--to", "Ben", "--json", code=1).error
    assert error["code"] == "last-administrator"


def test_splits_name_an_entity_a_rule_and_a_person(crmkit, company):
    arguments = ("user", "offboard", "Ben", "--to", "Cleo", "--split")
    error = crmkit(*arguments, "core.team", "nosuch == 1", "Dora", "--json", code=1).error
    assert error["code"] == "rule-unknown-field"
    crmkit(*arguments, "core.team", 'name == "Sales"', "Dora", "--preview")


def test_whoever_has_no_right_to_hand_over_users_offboards_nobody(crmkit, company):
    error = crmkit("user", "offboard", "Ben", "--to", "Cleo", "--as", "Dora", "--json", code=1).error
    assert error["code"] == "forbidden"
