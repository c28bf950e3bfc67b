"""``crmkit entity``: a whole entity without code."""

import json

import pytest


def test_entity_is_made_filled_exported_removed_and_restored(crmkit, project):
    made = crmkit(
        *("entity", "add", "project", "--owned", "--number-prefix", "P", "--follows", "core.user"),
        *("--stages", "idea,running,done=won", "--json"),
    ).json
    assert made == {
        "id": "custom.project", "label": "Project", "owned": True, "number_prefix": "P", "follows": "core.user",
        "stages": ["idea", "running", "done"],
    }  # fmt: skip
    crmkit("field", "add", "custom.project", "budget", "--type", "decimal", "--indexed")
    (project / "projects.csv").write_text("name,budget\nFresco,2.50\n")
    (project / "plan.toml").write_text(
        'system = "old"\n[[step]]\nfile = "projects.csv"\nentity = "custom.project"\nexternal_id = "{name}"\n'
        '[step.fields]\nname = "name"\n"custom.budget" = "budget"\n'
    )
    crmkit("import", "--plan", "plan.toml", "--source", ".")

    row = json.loads(crmkit("export", "custom.project", "--format", "jsonl").stdout)
    assert (row["number"], row["stage"], row["custom.budget"]) == ("P-000001", "idea", "2.50")
    assert "custom.budget: 2.50" in crmkit("history", "P-000001").stdout
    assert {check["status"] for check in crmkit("doctor", "--json").json} == {"ok"}

    crmkit("entity", "remove", "project")
    assert crmkit("export", "custom.project", code=1).stderr
    assert [row["id"] for row in crmkit("entity", "list", "--removed", "--json").json] == ["custom.project"]
    crmkit("entity", "restore", "project")
    assert "Fresco" in crmkit("export", "custom.project").stdout


@pytest.mark.long
def test_removed_entity_is_purged_once_somebody_has_seen_what_goes(crmkit, project):
    crmkit("entity", "add", "room")
    crmkit("field", "add", "custom.room", "seats", "--type", "integer")
    assert crmkit("entity", "purge", "room", "--yes", "--json", code=1).error["code"] == "not-found"
    crmkit("entity", "remove", "room")

    tried = crmkit("entity", "purge", "room", "--dry-run", "--json").json
    assert (tried["entity"], tried["records"], tried["fields"], tried["purged"]) == ("custom.room", 0, 1, False)
    assert [row["id"] for row in crmkit("entity", "list", "--removed", "--json").json] == ["custom.room"]
    assert "is deleted" in crmkit("entity", "purge", "room", "--yes").stdout
    assert crmkit("entity", "list", "--removed", "--json").json == []
    assert crmkit("entity", "restore", "room", "--json", code=1).error["code"] == "not-found"
