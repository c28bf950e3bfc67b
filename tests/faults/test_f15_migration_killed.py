"""F15: revisions, and plugins that come and go, killed at any statement: the CRM opens, and the next one arrives."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from crmkit.core.migrating import note_absence, park
from tests.faults.memos import Memos
from tests.marks import both_databases_in_time


@pytest.fixture
def memos(tmp_path, monkeypatch, make_crm, database):
    made = Memos(tmp_path, monkeypatch, make_crm, database)
    made.revise()
    made.fill()
    made.enable("memos")
    return made


def kill(memos, action, points):
    if action == "add":
        crm = memos.crm(present=False)
        note_absence(crm, "memos")
        park(crm, "memos")
        crm.close()
        memos.enable()
    elif action == "apply":
        from crmkit.core.migrating import revert

        crm = memos.crm()
        revert(crm, "memos", to=1)
        crm.close()
    program = [sys.executable, Path(__file__).with_name("plugin_killed.py"), memos.folder, memos.site, action, points]
    done = subprocess.run(list(map(str, program)), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)["outcomes"]


def assert_nothing_lost(outcomes):
    for point, killed, unopened, wrong in outcomes:
        assert (point, killed, unopened, wrong) == (point, -signal.SIGKILL, 0, 0)


@pytest.mark.long
@both_databases_in_time
@pytest.mark.parametrize("action", ["apply", "remove", "add"])
def test_f15_killed_at_some_statements(memos, database, action):
    outcomes = kill(memos, action, 2)

    assert len(outcomes) >= 2
    assert_nothing_lost(outcomes)


@pytest.mark.slow
@both_databases_in_time
@pytest.mark.parametrize("action", ["apply", "remove", "add"])
def test_f15_killed_at_statements_all_along(memos, database, action):
    # CRMKIT_TEST_F15_POINTS=0 takes every statement, which takes an hour.
    outcomes = kill(memos, action, int(os.environ.get("CRMKIT_TEST_F15_POINTS", "12")))

    assert len(outcomes) > 10
    assert_nothing_lost(outcomes)
