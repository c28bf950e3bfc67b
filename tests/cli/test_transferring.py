import pytest


def test_records_of_an_entity_without_owner_are_refused_and_so_is_a_call_that_names_none(crmkit, project):
    crmkit("user", "create", "Ben")
    team = "core.team/" + crmkit("team", "create", "Sales", "--json").json["id"]
    assert crmkit("transfer", team, "--to", "Ben", "--json", code=1).error["code"] == "inapplicable-verb"
    crmkit("transfer", "--to", "Ben", code=2)
    crmkit("transfer", team, "--where", "core.team", "true", "--to", "Ben", code=2)


@pytest.mark.long
def test_records_are_transferred_by_number_or_rule_with_what_hangs_on_them(crmkit, project, enable):
    enable("workspace", "customers")
    crmkit("db", "apply")
    crmkit("user", "create", "Ben")
    crmkit("shell", "-c", 'with write() as db: db.create_many([Company(name="Acme"), Company(name="Umbrella")])')
    crmkit(
        "shell",
        "-c",
        "from crmkit import Target\n"
        'with write() as db: db.create(Task(title="Call", regarding=Target.of(db.get(Company, "C-000001"))))',
    )
    crmkit("transfer", "C-1", "--to", "Ben", "--with-related", "--keep", "read")
    told = crmkit("shell", "-c", "with read() as db: print(db.find(Task)[0].owner_id)").stdout.strip()
    assert told == crmkit("user", "show", "Ben", "--json").json["id"]
    assert [row["user"] for row in crmkit("shares", "C-1", "--json").json] == ["Ada Winter"]
    assert crmkit("transfer", "--where", "customers.company", 'name == "Umbrella"', "--to", "Ben", "--json").json == {
        "transferred": 1
    }
