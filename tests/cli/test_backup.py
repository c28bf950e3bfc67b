"""Backups on the command line: made, checked and restored, with a key that is never shown."""

import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from crmkit.cli.root import root

PASSPHRASE = {"CRM_BACKUP_PASSPHRASE": "correct horse"}


@pytest.mark.long
def test_database_is_backed_up_checked_and_restored(crmkit, project):
    made = crmkit("backup", "one.backup", "--json", environ=PASSPHRASE).json
    crmkit("user", "create", "Ben")
    checked = crmkit("verify", "one.backup", "--json", environ=PASSPHRASE).json
    assert (checked["rows"], checked["anchor"]) == (made["rows"], made["anchor"])
    assert "The backup is whole" in crmkit("verify", "one.backup", environ=PASSPHRASE).stdout

    assert "[restore-refused]" in crmkit("restore", "one.backup", code=1, environ=PASSPHRASE).stderr
    assert "every row was compared" in crmkit("restore", "one.backup", "--replace", environ=PASSPHRASE).stdout
    assert [row["name"] for row in crmkit("user", "list", "--json").json] == ["Ada Winter"]
    assert "The database is what crmkit wrote." in crmkit("verify").stdout
    crmkit("verify", "--anchor", made["anchor"])


@pytest.mark.long
def test_database_that_is_not_there_is_restored(crmkit, project):
    crmkit("backup", "one.backup", environ=PASSPHRASE)
    Path("crm.db").unlink()

    report = crmkit("restore", "one.backup", "--json", environ=PASSPHRASE).json
    assert (report["pending"], report["broken"]) == ([], None)
    crmkit("doctor")


@pytest.mark.long
def test_key_file_encrypts_and_opens(crmkit, project):
    Path("key").write_text("0123456789abcdef" * 4 + "\n")
    crmkit("backup", "one.backup", "--key-file", "key")
    crmkit("verify", "one.backup", "--key-file", "key")

    error = crmkit("verify", "one.backup", "--json", code=1, environ=PASSPHRASE).error
    assert error["code"] == "backup-key"


def test_passphrase_is_needed_and_never_shown(crmkit, project):
    assert "[no-backup-key]" in crmkit("backup", "one.backup", code=1).stderr
    assert not Path("one.backup").exists()

    shown = crmkit("config", "show", environ=PASSPHRASE).stdout
    assert "backup.passphrase" in shown
    assert "horse" not in shown


@pytest.mark.long
def test_damaged_and_foreign_files_are_named(crmkit, project):
    crmkit("backup", "one.backup", environ=PASSPHRASE)
    whole = Path("one.backup").read_bytes()
    Path("short.backup").write_bytes(whole[:-20])
    Path("foreign.backup").write_bytes(b"SQLite format 3")

    for action in ("verify", "restore"):
        assert (
            "[backup-damaged]" in crmkit(action, "short.backup", *_replace(action), code=1, environ=PASSPHRASE).stderr
        )
        assert "[not-a-backup]" in crmkit(action, "foreign.backup", code=1, environ=PASSPHRASE).stderr
        assert "nosuch.backup: No such file" in crmkit(action, "nosuch.backup", code=1, environ=PASSPHRASE).stderr
    assert crmkit("user", "list").exit_code == 0


def _replace(action):
    return ["--replace"] if action == "restore" else []


def test_anchor_is_for_the_database(crmkit, project):
    assert "--anchor is for the database" in crmkit("verify", "x", "--anchor", "1:00", code=2).stderr


def test_what_somebody_changed_is_named_with_its_row_and_what_mends_it(crmkit, project):
    with sqlite3.connect("crm.db") as database:
        database.execute("UPDATE core_user SET name = 'Eva'")
    told = {found["check"]: found for found in crmkit("verify", "--json", code=1).json}
    # What somebody is found by is not what the record says any more, either.
    assert set(told) == {"history", "search"}
    found = told["history"]
    assert (found["check"], found["table"], found["message"]) == (
        "history",
        "core_user",
        "not what its history says: name",
    )
    assert found["row"] in found["mend"]
    assert "not what its history says: name" in crmkit("verify", code=1).stdout


def test_progress_is_shown_where_it_is_asked_for(crmkit, project):
    result = CliRunner().invoke(root, ["backup", "one.backup", "--progress"], env=PASSPHRASE, prog_name="crmkit")
    assert "backup: " in result.stderr
