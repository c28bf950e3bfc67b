"""``crmkit encryption``: keys that are made and changed."""

from pathlib import Path

import pytest


@pytest.fixture
def acme(elsewhere, monkeypatch, crmkit):
    """Stand in the folder of a new CRM, whose plugins encrypt nothing."""
    from crmkit.cli.project import Project, make_project
    from crmkit.core.configuration.config import Company

    make_project(elsewhere / "acme", Project(Company("Acme"), ["workspace"], "Ada Winter", "ada@acme.example"))
    monkeypatch.chdir(elsewhere / "acme")


@pytest.mark.long
def test_a_new_key_is_one_that_the_configuration_takes(crmkit, acme, monkeypatch):
    key = crmkit("encryption", "new-key", "first").stdout.strip()
    other = crmkit("encryption", "new-key", "second", "--json").json["key"]
    assert key != other
    monkeypatch.setenv("CRM_ENCRYPTION_KEYS", f"{other} {key}")
    assert key.partition(":")[2] not in crmkit("config", "show").stdout
    assert crmkit("encryption", "change-data-key", "--dry-run", "--json").json == []
    done = crmkit("encryption", "change-data-key", "--yes", "--json").json
    assert (done["sealed"], done["left"]) == (0, 0)
    assert crmkit("encryption", "change-master-key", "--json").json == {"changed": 0}
    monkeypatch.setenv("CRM_ENCRYPTION_KEYS", f"{key} {other}")
    assert "1 data keys" in crmkit("encryption", "change-master-key").stdout
    crmkit("encryption", "change-data-key", code=2)


def test_what_is_no_key_or_no_name_of_one_is_refused(crmkit, acme, monkeypatch):
    assert "[configuration]" in crmkit("encryption", "new-key", "a b", code=1).stderr
    monkeypatch.setenv("CRM_ENCRYPTION_KEYS", "first:short")
    assert "lists no keys" in crmkit("encryption", "status", code=1).stderr
    monkeypatch.delenv("CRM_ENCRYPTION_KEYS")
    assert "[encryption-key]" in crmkit("encryption", "change-data-key", "--yes", code=1).stderr


def test_plugin_that_encrypts_is_refused_before_anything_is_changed_while_there_is_no_key(acme, crmkit, monkeypatch):
    before = Path("crm.toml").read_bytes(), crmkit("db", "plan", "--json").stdout

    refused = crmkit("plugin", "add", "webhooks", "--json", code=1)
    assert refused.error["code"] == "plugin"
    assert "crmkit encryption new-key" in refused.stderr
    assert "crmkit encryption new-key" in crmkit("plugin", "check", "webhooks", code=1).stdout
    assert (Path("crm.toml").read_bytes(), crmkit("db", "plan", "--json").stdout) == before

    monkeypatch.setenv("CRM_ENCRYPTION_KEYS", crmkit("encryption", "new-key", "first").stdout.strip())
    crmkit("plugin", "add", "webhooks")
    crmkit("webhooks", "events")
