import sqlite3

import pytest


def names(rows):
    return [row["name"] for row in rows]


def test_user_is_created_with_team_roles_and_what_the_company_takes_for_granted(crmkit, project):
    crmkit("team", "create", "Sales")
    created = crmkit(
        *("user", "create", "王芳", "--email", "wang@acme.example", "--team", "sales", "--role", "core.administrator"),
        *("--language", "zh_CN", "--json"),
    ).json
    assert {key: created[key] for key in ("name", "team", "roles", "time_zone", "locale")} == {
        "name": "王芳",
        "team": "Sales",
        "roles": ["core.administrator", "core.member"],
        "time_zone": "UTC",
        "locale": "zh_CN",
    }
    assert names(crmkit("user", "list", "--json").json) == ["Ada Winter", "王芳"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--team", "Sale"], "There is no team 'Sale'. Did you mean Sales?"),
        (
            ["--role", "sales.agent"],
            "There is no role 'sales.agent'. Roles: core.administrator, core.member, core.monitor.",
        ),
        (["--time-zone", "Berlin"], "--time-zone: 'Berlin' is no time zone"),
        (["--language", "de-AT"], "--language: 'de-AT' is no language; did you mean 'de_AT'?"),
        (["--email", "ada@acme.example"], "conflicts with another record"),
    ],
)
def test_user_is_not_created_with_what_does_not_exist(crmkit, project, arguments, message):
    crmkit("team", "create", "Sales")
    assert message in crmkit("user", "create", "Ben", *arguments, code=1).stderr
    assert names(crmkit("user", "list", "--json").json) == ["Ada Winter"]


def test_person_is_found_by_name_address_or_id_and_case_matters_only_between_two(crmkit, project):
    for name in ("Ben Fox", "BEN FOX"):
        crmkit("user", "create", name, "--email", f"{name.split()[0]}@acme.example")
    id_ = crmkit("user", "show", "Ada Winter", "--json").json["id"]

    for reference in ("ada winter", "ADA@acme.example", id_, id_.upper()):
        assert crmkit("user", "show", reference, "--json").json["id"] == id_
    assert crmkit("user", "show", "BEN FOX", "--json").json["email"] == "BEN@acme.example"
    error = crmkit("user", "show", "ben fox", code=1).stderr
    assert "Several are called 'ben fox'" in error
    assert "Ben Fox <Ben@acme.example>" in error
    assert (
        "There is no user 'Ada Wimter'. Did you mean Ada Winter?" in crmkit("user", "show", "Ada Wimter", code=1).stderr
    )


def test_inactive_user_does_not_act_and_is_listed_only_with_all(crmkit, project):
    crmkit("user", "create", "Ben")
    assert crmkit("user", "deactivate", "Ben", "--json").json["is_active"] is False
    assert names(crmkit("user", "list", "--json").json) == ["Ada Winter"]
    assert names(crmkit("user", "list", "--all", "--json").json) == ["Ada Winter", "Ben"]
    assert "[inactive-user]: 'Ben' is no active user" in crmkit("user", "list", "--as", "Ben", code=1).stderr
    crmkit("user", "activate", "Ben")
    crmkit("user", "list", "--as", "Ben")


@pytest.mark.long
def test_last_administrator_is_not_taken_away(crmkit, project):
    refused = "Error [last-administrator]: Ada Winter is the only active administrator."
    assert refused in crmkit("user", "deactivate", "Ada Winter", code=1).stderr
    assert refused in crmkit("user", "unassign", "Ada Winter", "core.administrator", code=1).stderr

    crmkit("user", "create", "Ben", "--role", "core.administrator")
    crmkit("user", "deactivate", "Ben")
    assert refused in crmkit("user", "deactivate", "Ada Winter", code=1).stderr
    crmkit("user", "activate", "Ben")
    crmkit("user", "deactivate", "Ada Winter")


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["activate", "Ada Winter"], "Ada Winter"),
        (["assign", "Ben", "core.administrator"], "Ben"),
        (["create", "Eve", "--role", "core.administrator"], "Eve"),
    ],
)
def test_owner_of_the_machine_makes_an_administrator_where_there_is_none(crmkit, project, command, name):
    crmkit("user", "create", "Ben")
    with sqlite3.connect("crm.db") as database:
        database.execute("UPDATE core_user SET is_active = 0 WHERE name = 'Ada Winter'")
    assert "Error [" in crmkit("user", *command, "--as", "Ben", code=1).stderr

    crmkit("user", *command)
    assert "core.administrator" in crmkit("user", "show", name, "--as", name, "--json").json["roles"]
    assert "nobody is an active administrator" not in crmkit("doctor", code=None).stdout


def test_role_is_given_once_and_taken_away(crmkit, project):
    crmkit("user", "create", "Ben")
    for _time in range(2):
        assert crmkit("user", "assign", "Ben", "core.administrator", "--json").json["roles"] == [
            "core.administrator",
            "core.member",
        ]
    assert crmkit("user", "unassign", "Ben", "core.administrator", "--json").json["roles"] == ["core.member"]
    assert "Roles: core.member." in crmkit("user", "unassign", "Ben", "core.administrator", code=1).stderr
    assert "There is no role 'sales'" in crmkit("user", "assign", "Ben", "sales", code=1).stderr


@pytest.mark.parametrize(
    "command",
    [
        ["create", "Carl"],
        ["assign", "Ben", "core.administrator"],
        ["unassign", "Ben", "core.member"],
        ["deactivate", "Ben"],
    ],
)
def test_who_has_no_right_to_manage_people_is_refused(crmkit, project, command):
    crmkit("user", "create", "Ben")
    assert "Error [forbidden]" in crmkit("user", *command, "--as", "Ben", code=1).stderr
    assert names(crmkit("user", "list", "--as", "Ben", "--json").json) == ["Ada Winter", "Ben"]


@pytest.mark.long
def test_person_and_team_are_shown_under_headings_in_the_language(crmkit, project):
    shown = crmkit("user", "show", "Ada Winter", "--locale", "zh_CN").stdout
    headings = "ID 名称 电子邮件 团队 另属 角色 类型 启用 时区 语言".split()
    assert [line.split()[0] for line in shown.splitlines()] == headings
    crmkit("team", "create", "Sales")
    assert crmkit("team", "create", "North", "--parent", "Sales").stdout.splitlines()[1:] == [
        "Name         North",
        "Parent team  Sales",
    ]


def test_write_is_noted_in_the_ledger_with_the_command_and_the_person(crmkit, project):
    user = crmkit("user", "create", "Ben", "--json").json
    (entry,) = crmkit("history", user["id"], "--json").json
    assert (entry["kind"], entry["by"], entry["cause"]) == ("create", "Ada Winter", "cli:user create")
    assert entry["changes"]["name"] == {"old": None, "new": "Ben"}


def test_history_names_people_and_what_references_lead_to(crmkit, project):
    crmkit("team", "create", "Sales")
    user = crmkit("user", "create", "Ben", "--team", "Sales", "--json").json
    crmkit("user", "deactivate", "Ben")
    first, *lines = crmkit("history", f"core.user/{user['id']}").stdout.splitlines()
    assert first.endswith("  Ada Winter  create  (cli:user create)")
    assert "  team_id: Sales" in lines
    assert lines[-1] == "  is_active: yes → no"


def test_teams_are_a_tree(crmkit, project):
    crmkit("team", "create", "Sales")
    crmkit("team", "create", "华南", "--parent", "Sales")
    crmkit("user", "create", "Ben", "--team", "华南")
    heading, _rule, *rows = crmkit("team", "list").stdout.splitlines()
    assert [heading, *rows] == ["Team     People", "Sales", "  华南   Ben"]
    assert [(row["name"], row["level"]) for row in crmkit("team", "list", "--json").json] == [("Sales", 0), ("华南", 1)]


def test_roles_are_listed_with_their_plugin(crmkit, project):
    rows = crmkit("user", "roles", "--json").json
    assert {"role": "core.member", "label": "Member", "plugin": "core"} in rows


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("xyz", "'xyz' names no record. Give a number such as"),
        ("01a202d0-b6ab-7729-8699-92eb24cccf5a", "There is no record '01a202d0-b6ab-7729-8699-92eb24cccf5a'."),
        ("nix.nix/1", "There is no entity 'nix.nix'."),
        ("core.usr", "There is no entity 'core.usr'. Did you mean core.user?"),
        ("core.user", "'core.user' names no record."),
    ],
)
def test_reference_that_leads_nowhere_is_refused(crmkit, project, reference, message):
    assert message in crmkit("history", reference, code=1).stderr


@pytest.mark.long
def test_home_team_and_what_else_is_known_of_somebody_are_changed(crmkit, project):
    for team in ("Sales", "Service"):
        crmkit("team", "create", team)
    crmkit("user", "create", "Ben", "--team", "Sales")

    changed = crmkit("user", "change", "Ben", "--team", "service", "--email", "Ben@Acme.example", "--json").json
    assert (changed["team"], changed["email"]) == ("Service", "Ben@acme.example")
    words = ("--name", "Benno", "--time-zone", "Asia/Shanghai", "--language", "zh_CN")
    changed = crmkit("user", "change", "Ben", *words, "--json").json
    assert [changed[name] for name in ("name", "time_zone", "locale")] == ["Benno", "Asia/Shanghai", "zh_CN"]
    assert crmkit("user", "change", "Benno", "--team", "", "--json").json["team"] is None
    for wrong in (("--team", "Nosuch"), ("--time-zone", "Mars"), ("--email", "nothing"), ("--language", "xx")):
        crmkit("user", "change", "Benno", *wrong, code=1)


def test_somebody_joins_a_further_team_and_leaves_it(crmkit, project):
    for team in ("Sales", "Service"):
        crmkit("team", "create", team)
    crmkit("user", "create", "Ben", "--team", "Sales")

    for _again in range(2):
        assert crmkit("user", "join", "Ben", "Service", "--json").json["further_teams"] == ["Service"]
    assert "Also in    Service" in crmkit("user", "show", "Ben").stdout
    assert crmkit("user", "leave", "Ben", "Service", "--json").json["further_teams"] == []
    error = crmkit("user", "leave", "Ben", "Sales", "--json", code=1).error
    assert error["code"] == "no-member"
