"""Streams of events over HTTP, from a server in processes of its own: who may listen, and for how long."""

import json
import signal
import subprocess
import threading
import time

import httpx
import pytest

from crmkit.cli.project import Project, make_project
from crmkit.core.configuration.config import Company
from tests.rest.serving import command, served

EVENTS = "/api/v1/events"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("streams") / "acme"
    make_project(folder, Project(Company("Acme"), [], "Ada Winter", "ada@acme.example"))
    return folder


@pytest.fixture(scope="module")
def server(project):
    with served(project) as (process, address):
        yield process, address


def run(folder, *arguments):
    done = subprocess.run([*command(), *arguments, "--json"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def new_token(project):
    made = run(project, "token", "create", "Ada Winter", "--scope", "*:write", "--expires", "1d")
    return made["id"], {"authorization": f"Bearer {made['token']}"}


@pytest.fixture(scope="module")
def token(project):
    return new_token(project)[1]


def messages(lines):
    """Yield the messages in *lines* of server-sent events, each as a dict."""
    message = {}
    for line in lines:
        if not line:
            yield message
            message = {}
        else:
            name, _colon, value = line.partition(":")
            message[name] = value.strip()


@pytest.mark.long
def test_t32_who_is_not_signed_in_or_says_nonsense_is_refused_and_the_server_goes_on(server, token):
    process, address = server
    nonsense = ["Bearer", "Bearer x", "Bearer crmkit_" + "a" * 49, "Basic YTpi", "x" * 4000, "Bearer \xff\xfe"]
    for given in [None, *nonsense]:
        sent = {} if given is None else {"authorization": given.encode("latin-1")}
        answer = httpx.get(f"{address}{EVENTS}", headers=sent)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert "Traceback" not in answer.text
    for last in ["x", "-1", "1.5", "9" * 30, "٣", "1; DROP"]:
        answer = httpx.get(f"{address}{EVENTS}", headers={**token, "last-event-id": last.encode()})
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:crmkit:problem:cursor")
    assert httpx.get(f"{address}{EVENTS}?nosuch=1", headers=token).status_code == 400
    assert httpx.post(f"{address}{EVENTS}", headers=token).status_code == 405
    assert httpx.head(f"{address}{EVENTS}", headers=token).status_code == 200

    assert process.poll() is None
    assert httpx.get(f"{address}/health/live").json() == {"status": "ok"}


@pytest.mark.long
def test_what_is_written_arrives_and_is_resumed_behind_the_last_event(server, token):
    _process, address = server
    with httpx.stream("GET", f"{address}{EVENTS}", headers=token, timeout=60) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        told = messages(stream.iter_lines())
        begin = next(told)
        made = httpx.post(f"{address}/api/v1/core/users", headers=token, json={"name": "Bob"}).json()
        heard = next(message for message in told if message.get("event") == "change")
    changed = json.loads(heard["data"])
    assert (changed["entity"], changed["id"], changed["kind"]) == ("core.user", made["id"], "create")
    assert int(begin["id"]) < changed["position"] == int(heard["id"])

    httpx.post(f"{address}/api/v1/core/users", headers=token, json={"name": "Eve"})
    with httpx.stream(
        "GET", f"{address}{EVENTS}", headers={**token, "last-event-id": heard["id"]}, timeout=60
    ) as again:
        told = messages(again.iter_lines())
        resumed = [json.loads(each["data"]) for each in (next(told), next(told)) if "data" in each]
    assert [each["position"] for each in resumed] == [changed["position"] + 1]


@pytest.mark.slow
def test_stream_of_a_token_that_is_ended_ends_within_seconds(server, project):
    _process, address = server
    id_, token = new_token(project)
    ended = []
    with httpx.stream("GET", f"{address}{EVENTS}", headers=token, timeout=60) as stream:
        lines = stream.iter_lines()
        next(lines)
        run(project, "token", "end", id_)
        started = time.monotonic()
        with pytest.raises(httpx.RemoteProtocolError):
            for line in lines:
                ended.append(line)
    assert time.monotonic() - started < 15
    assert httpx.get(f"{address}{EVENTS}", headers=token).status_code == 401


@pytest.mark.slow
def test_server_that_is_told_to_stop_does_not_wait_for_who_listens(project, token):
    with served(project, "--no-jobs") as (process, address):
        gone = threading.Event()

        def listen():
            try:
                with httpx.stream("GET", f"{address}{EVENTS}", headers=token, timeout=60) as stream:
                    for _line in stream.iter_lines():
                        listens.set()
            except httpx.TransportError:
                gone.set()

        listens = threading.Event()
        threading.Thread(target=listen, daemon=True).start()
        assert listens.wait(30)
        process.send_signal(signal.SIGTERM)
        assert process.wait(25) == 0
        assert gone.wait(10)
