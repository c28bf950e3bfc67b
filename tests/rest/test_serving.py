"""`crmkit serve` answers, does jobs, and stops when it is told to, without breaking off what it does."""

import json
import signal
import socket
import subprocess
import time

import httpx
import pytest

from crmkit.cli.project import Project, make_project
from crmkit.core.configuration.config import Company
from crmkit.core.storage.database_objects import TOLD
from tests.rest.serving import command, free_port, served


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served") / "acme"
    make_project(folder, Project(Company("Acme"), [], "Ada Winter", "ada@acme.example"))
    return folder


def run(folder, *arguments):
    done = subprocess.run([*command(), *arguments, "--json"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def token(project):
    made = run(project, "token", "create", "Ada Winter", "--scope", "*:write", "--expires", "1d")
    return {"authorization": f"Bearer {made['token']}"}


@pytest.mark.long
def test_server_answers_does_jobs_and_stops_when_it_is_told_to(project, token):
    with served(project) as (process, address):
        users = httpx.get(f"{address}/api/v1/core/users", headers=token).json()["items"]
        assert [user["name"] for user in users] == ["Ada Winter"]
        made = httpx.post(f"{address}/api/v1/core/users", headers=token, json={"name": "Bob"})
        assert made.status_code == 201
        _wait_until_told(project)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert "Stopped; nothing is left half done." in process.stdout.read()
    with pytest.raises(httpx.ConnectError):
        httpx.get(address)


def _wait_until_told(project):
    """Wait until a worker has told everybody of what was written: the outbox is empty of what is due."""
    from crmkit import CRM
    from crmkit.core.configuration.settings import load_settings

    crm = CRM(load_settings(project / "crm.toml", environ={}).config)
    table = crm.schema.system.checkpoint
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with crm.storage.reading() as connection:
            told = {row.key: row.position for row in connection.execute(table.select())}
        if told.get(TOLD, 0) > 0:
            break
        time.sleep(0.2)
    crm.close()
    assert told.get(TOLD, 0) > 0


@pytest.mark.slow
def test_what_is_being_answered_is_finished_when_the_server_is_told_to_stop(project, token):
    """Many requests at once: each gets an answer, or was refused before anything was done."""
    import threading

    names, refused = [], []

    def ask(address, name):
        try:
            answer = httpx.post(f"{address}/api/v1/core/users", headers=token, json={"name": name}, timeout=60)
            assert answer.status_code == 201
            names.append(name)
        except httpx.TransportError:
            refused.append(name)

    with served(project, "--workers", "2") as (process, address):
        threads = [threading.Thread(target=ask, args=(address, f"User {n}")) for n in range(40)]
        for place, thread in enumerate(threads):
            thread.start()
            if place == 30:
                process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        process.wait(60)
    with served(project, "--no-jobs") as (process, address):
        kept = httpx.get(f"{address}/api/v1/core/users?limit=200&fields=name", headers=token).json()["items"]
    kept = {user["name"] for user in kept}
    assert kept >= set(names)
    assert not kept & set(refused)


def test_address_that_is_taken_is_told_at_once(project):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = subprocess.run(
            [*command(), "serve", "--port", str(taken.getsockname()[1])], cwd=project, capture_output=True, text=True
        )
    assert done.returncode == 1
    assert "Error [address-in-use]: Cannot listen on 127.0.0.1:" in done.stderr


@pytest.mark.slow
def test_nothing_is_left_of_a_server_whose_parent_was_killed(project):
    port = free_port()
    with served(project, port=port) as (process, address):
        process.kill()
        process.wait()
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                httpx.get(address, timeout=1)
            except httpx.TransportError:
                break
            time.sleep(0.2)
        with pytest.raises(httpx.TransportError):
            httpx.get(address, timeout=1)
