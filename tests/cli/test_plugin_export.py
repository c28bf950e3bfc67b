"""``crmkit plugin export``: custom fields become a package."""

import pytest


@pytest.mark.long
def test_package_is_written_once_and_told(crmkit, project):
    crmkit("field", "add", "core.team", "vip", "--type", "boolean", "--required", "--default", "false")
    crmkit("entity", "add", "room")
    crmkit("field", "add", "core.team", "room_id", "--type", "reference", "--options", '{"entity": "custom.room"}')

    told = crmkit("plugin", "export", "core.team", "--name", "acme", "--to", "../made").stdout
    assert told.splitlines() == [
        "core.team.custom.vip → acme.is_vip",
        "core.team.custom.room_id stays as it is: it refers to an entity made at run time",
        "core.team.custom.vip was required, and may be empty in code",
        "Wrote ../made. Next: pip install ../made && crmkit plugin add acme",
    ]
    assert (project.parent / "made" / "crmkit_acme" / "migrations").is_dir()
    again = crmkit("plugin", "export", "core.team", "--name", "acme", "--to", "../made", "--json", code=1)
    assert again.error["code"] == "plugin-export"
    made = crmkit("plugin", "export", "core.team", "--name", "acme", "--to", "../second", "--json").json
    assert made["fields"] == {"core.team.custom.vip": "acme.is_vip"}


def test_entity_made_at_run_time_is_exported_installed_and_gone_from_the_lists(crmkit, project):
    crmkit("entity", "add", "room", "--label", "Room")
    crmkit("field", "add", "custom.room", "seats", "--type", "integer")
    (project / "rooms.csv").write_text("name,seats\nHall,90\n")

    told = crmkit("plugin", "export", "custom.room", "--name", "rooms", "--to", "../rooms").stdout
    assert told.splitlines()[0] == "custom.room keeps its name, and so do its fields"
    assert (project.parent / "rooms" / "crmkit_rooms" / "migrations").is_dir()
