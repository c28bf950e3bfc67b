"""A run of tests leaves nothing behind, however it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from crmkit.testing import CRMMaker, Session
from crmkit.testing.databases import PostgreSQLServer
from crmkit.testing.session import is_alive

RUN = """
import sys, time
from crmkit.testing import CRMMaker, Session
session = Session()
make = CRMMaker(session)
crm = make(database=sys.argv[1])
with crm.system("test"):
    print(session.name, session.fast_folder, crm.storage.url.render_as_string(hide_password=False), flush=True)
    time.sleep(600)
"""


@pytest.fixture
def run():
    """Start a run in a process of its own and return the process, its name, its folder and the URL of its database."""
    started = []

    def start(database):
        process = subprocess.Popen([sys.executable, "-c", RUN, database], stdout=subprocess.PIPE, text=True)
        started.append(process)
        name, folder, url = process.stdout.readline().split()
        return process, name, Path(folder), url

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def wait_until(happens, seconds=60):
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.long
@pytest.mark.postgresql
def test_server_stops_when_its_run_is_killed(run, monkeypatch):
    monkeypatch.delenv("CRMKIT_TEST_POSTGRESQL_URL", raising=False)
    process, _name, folder, url = run("postgresql")
    socket = Path(make_url(url).query["host"])
    server = int((folder / "postgresql" / "postmaster.pid").read_text().splitlines()[0])
    assert is_alive(server)

    process.send_signal(signal.SIGKILL)
    process.wait()

    wait_until(lambda: not is_alive(server) and not (socket / "ready").exists())
    Session().end()
    assert not folder.exists()
    assert not socket.exists()


@pytest.mark.long
@pytest.mark.postgresql
def test_process_that_started_the_server_ends_without_a_word(monkeypatch):
    monkeypatch.delenv("CRMKIT_TEST_POSTGRESQL_URL", raising=False)
    start = "from crmkit.testing import Session, postgresql; postgresql.postgresql_url(Session())"
    done = subprocess.run([sys.executable, "-W", "error", "-c", start], capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
    Session().end()


def test_run_that_was_killed_is_swept_away_by_the_next(run):
    process, _name, folder, _url = run("sqlite")
    assert list(folder.glob("*.db"))
    process.send_signal(signal.SIGKILL)
    process.wait()

    Session().end()

    assert not folder.exists()


def test_run_that_goes_on_is_left_alone(run):
    _process, _name, folder, _url = run("sqlite")

    Session().end()

    assert list(folder.glob("*.db"))


@pytest.mark.long
def test_processes_of_one_run_share_their_templates():
    session = Session()
    command = "from crmkit.testing import CRMMaker, Session; m = CRMMaker(Session({!r})); m(); m.close()"
    for _ in range(2):
        subprocess.run([sys.executable, "-c", command.format(session.name)], check=True)

    templates = [path.name for path in session.fast_folder.glob("*.db")]
    session.end()

    assert len(templates) == 1


def test_nothing_is_made_before_it_is_asked_for(tmp_path):
    session = Session()

    session.end()

    assert session.owner == os.getpid()
    assert not list(Path("/dev/shm").glob(f"*{session.name}*"))


@pytest.mark.postgresql
def test_server_of_somebody_else_keeps_no_database_of_the_run(crmkit_session, postgresql_url, monkeypatch):
    monkeypatch.setenv("CRMKIT_TEST_POSTGRESQL_URL", postgresql_url)
    session = Session()
    make = CRMMaker(session)
    crm = make(database="postgresql")
    name = crm.storage.url.database
    make.close()

    session.end()

    server = PostgreSQLServer(postgresql_url)
    assert name.startswith(f"crmkit_{session.key}_")
    assert server._names(f"crmkit_{session.key}_") == []
    server.close()
