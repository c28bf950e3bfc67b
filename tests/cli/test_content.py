"""What is inside files on the command line: backed up, checked, swept, and missed."""

import os
import time
from pathlib import Path

import pytest

from crmkit.core.configuration.settings import load_settings
from crmkit.core.crm import CRM
from crmkit.core.policy.people import User
from crmkit.plugins.workspace import services

PASSPHRASE = {"CRM_BACKUP_PASSPHRASE": "correct horse"}


@pytest.fixture
def plan(crmkit, enable):
    """Hang a file on a user, and return its hash."""
    enable("workspace")
    crmkit("db", "apply")
    crm = CRM(load_settings(None).config)
    with crm.system("test") as db:
        file = services.attach(db, db.find(User)[0], crm.contents.put("Plan.txt", [b"the plan"]))
    crm.close()
    return file.content_hash


def place(hash_):
    return Path("files", hash_[:2], hash_[2:4], hash_)


@pytest.mark.long
def test_files_are_backed_up_and_restored(crmkit, plan):
    assert "It has 1 contents of files, 8 bytes." in crmkit("backup", "one.backup", environ=PASSPHRASE).stdout
    assert crmkit("verify", "one.backup", "--json", environ=PASSPHRASE).json["files"]["count"] == 1
    place(plan).unlink()
    assert "is missing" in crmkit("verify", code=1).stdout
    assert crmkit("verify", "--without-files").exit_code == 0

    assert "1 of them were restored." in crmkit("restore", "one.backup", "--replace", environ=PASSPHRASE).stdout
    assert place(plan).read_bytes() == b"the plan"
    assert crmkit("verify").exit_code == 0


@pytest.mark.long
def test_backup_without_files_says_so_when_it_is_made_checked_and_restored(crmkit, plan):
    told = "What is inside files is not in it."
    assert told in crmkit("backup", "one.backup", "--without-files", environ=PASSPHRASE).stdout
    assert told in crmkit("verify", "one.backup", environ=PASSPHRASE).stdout
    assert told in crmkit("restore", "one.backup", "--replace", environ=PASSPHRASE).stdout
    assert "a backup is checked whole" in crmkit("verify", "one.backup", "--without-files", code=2).stderr


def test_missing_content_is_told_where_it_was_to_be_backed_up(crmkit, plan):
    assert "No content is missing." in crmkit("files", "lost").stdout
    place(plan).unlink()

    assert "1 contents were missing or damaged" in crmkit("backup", "one.backup", environ=PASSPHRASE).stderr
    (lost,) = crmkit("files", "lost", "--json", code=1).json
    assert (lost["table"], lost["hash"]) == ("workspace_file", plan)


def test_sweep_deletes_what_nothing_needs_once_it_was_shown(crmkit, plan):
    crm = CRM(load_settings(None).config)
    nobodys = crm.contents.put("b.txt", [b"nobody's"]).hash
    crm.close()
    assert "0 contents would be deleted" in crmkit("files", "sweep", "--dry-run").stdout
    two_days_ago = time.time() - 2 * 24 * 3600
    for hash_ in (plan, nobodys):
        os.utime(place(hash_), (two_days_ago, two_days_ago))

    assert crmkit("files", "sweep", "--dry-run", "--json").json == {"hashes": [nobodys], "deleted": False}
    assert "--dry-run" in crmkit("files", "sweep", code=2).stderr
    assert place(nobodys).exists()
    assert crmkit("files", "sweep", "--yes", "--json").json == {"hashes": [nobodys], "deleted": True}
    assert (place(nobodys).exists(), place(plan).exists()) == (False, True)
