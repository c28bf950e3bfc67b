"""F17: a server is killed at any moment of a request, and the request that is sent again is done once.

What needs no killed process stands in ``tests/rest/test_idempotency.py``.
"""

import json
import os
import random
import signal
import subprocess
import threading
import time

import httpx
import pytest

from crmkit.cli.project import Project, make_project
from crmkit.core.configuration.config import Company
from tests.rest.serving import command, free_port, served

KILLS = 5
AT_ONCE = 8


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "acme"
    make_project(folder, Project(Company("Acme"), [], "Ada Winter", "ada@acme.example"))
    return folder


@pytest.fixture
def headers(project):
    asked = [*command(), "token", "create", "Ada Winter", "--scope", "*:write", "--expires", "1d", "--json"]
    made = subprocess.run(asked, cwd=project, capture_output=True, text=True, check=True)
    return {"authorization": f"Bearer {json.loads(made.stdout)['token']}"}


@pytest.mark.slow
def test_f17_server_that_is_killed_at_any_moment_does_each_request_once(project, headers):
    port, chance, answers = free_port(), random.Random(17), {}
    keys = [f"{kill}-{place}" for kill in range(KILLS) for place in range(AT_ONCE)]
    for kill in range(KILLS):
        with served(project, "--no-jobs", port=port) as (process, address):
            mine = [key for key in keys if key.startswith(f"{kill}-")]
            threads = [threading.Thread(target=ask, args=(address, headers, key, answers)) for key in mine]
            for thread in threads:
                thread.start()
            time.sleep(chance.uniform(0, 0.2))
            os.killpg(process.pid, signal.SIGKILL)
            for thread in threads:
                thread.join()
    lost = set(keys) - set(answers)
    before = dict(answers)
    with served(project, "--no-jobs", port=port) as (_process, address):
        for key in keys:
            ask(address, headers, key, answers)
        found = httpx.get(f"{address}/api/v1/core/teams?limit=200&fields=name", headers=headers).json()["items"]
    assert sorted(team["name"] for team in found) == sorted(keys)
    assert {key: answers[key] for key in before} == before, "who was answered is answered with the same bytes"
    assert lost, "no request was broken off: the server has to be killed earlier"


def ask(address, headers, key, answers):
    """Send the request of *key*; its answer is kept, if there is one."""
    try:
        answer = httpx.post(
            f"{address}/api/v1/core/teams", headers={**headers, "idempotency-key": key}, json={"name": key}, timeout=60
        )
    except (OSError, httpx.TransportError):
        return
    assert answer.status_code == 201, answer.text
    answers[key] = answer.content
