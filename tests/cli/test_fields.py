"""``crmkit field``: an administrator's way to custom fields."""

import json

import pytest


def test_field_is_added_changed_listed_and_removed(crmkit, project):
    added = crmkit(
        *("field", "add", "core.team", "city", "--type", "choice", "--choices", "berlin,ulm=Ulm (Donau)"),
        *("--default", "berlin", "--label-in", "zh_CN=城市", "--json"),
    ).json
    assert (added["label"], added["default"]) == ("City", "berlin")
    assert added["options"] == {"choices": ["berlin", {"slug": "ulm", "label": "Ulm (Donau)"}]}

    assert crmkit("field", "change", "core.team", "city", "--label", "Town", "--required", "--json").json["required"]
    assert [row["key"] for row in crmkit("field", "list", "--json").json] == ["city"]
    crmkit("field", "remove", "core.team", "city")
    assert crmkit("field", "list", "core.team", "--json").json == []
    assert [row["key"] for row in crmkit("field", "list", "--removed", "--json").json] == ["city"]


@pytest.mark.long
def test_removed_field_is_restored_or_purged(crmkit, project):
    crmkit("field", "add", "core.team", "size", "--type", "integer", "--default", "4")
    crmkit("team", "create", "Sales")
    crmkit("field", "remove", "core.team", "size")
    crmkit("field", "restore", "core.team", "size")
    assert "custom.size" in crmkit("export", "core.team").stdout
    crmkit("field", "remove", "core.team", "size")

    result = crmkit("field", "add", "core.team", "size", "--type", "text")
    assert "its values are parked" in result.stderr
    crmkit("field", "remove", "core.team", "size")
    assert crmkit("field", "purge", "core.team", "size", "--yes", "--json").json["records"] == 0
    assert crmkit("field", "purge", "core.team", "size", "--yes", "--json").json["records"] == 1
    assert crmkit("field", "restore", "core.team", "size", code=1, input="").stderr


def test_conversion_is_tried_before_it_is_done(crmkit, project):
    crmkit("field", "add", "core.team", "size", "--type", "text", "--default", "many")
    crmkit("team", "create", "Sales")

    tried = crmkit("field", "convert", "core.team", "size", "--to", "integer", "--dry-run", "--json").json
    assert (tried["records"], tried["failures"], tried["refused"][0]["value"]) == (1, 1, "many")
    refused = crmkit("field", "convert", "core.team", "size", "--to", "integer", "--json", code=1).error
    assert refused["code"] == "field-conversion"
    crmkit("field", "convert", "core.team", "size", "--to", "integer", "--leave")
    assert [row["type"] for row in crmkit("field", "list", "--json").json] == ["integer"]


def test_import_and_history_know_custom_fields(crmkit, project):
    crmkit("field", "add", "core.team", "size", "--type", "decimal", "--options", json.dumps({"scale": 1}))
    (project / "teams.csv").write_text("name,size\nSales,2.5\n")
    (project / "plan.toml").write_text(
        'system = "old"\n[[step]]\nfile = "teams.csv"\nentity = "core.team"\nexternal_id = "{name}"\n'
        '[step.fields]\nname = "name"\n"custom.size" = "size"\n'
    )
    crmkit("import", "--plan", "plan.toml", "--source", ".")

    row = crmkit("export", "core.team", "--format", "jsonl").stdout
    assert json.loads(row)["custom.size"] == "2.5"
    team = json.loads(row)["id"]
    assert "custom.size: 2.5" in crmkit("history", f"core.team/{team}").stdout
