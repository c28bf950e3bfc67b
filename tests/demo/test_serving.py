"""The demo company opens its doors where a terminal shows how to get in, and nowhere else keeps anybody waiting."""

import os
import re
import signal
import subprocess
import time

import httpx
import pytest

from crmkit import CRM
from crmkit.auth import Client, sign_in
from crmkit.core.configuration.settings import load_settings
from tests.rest.serving import command, free_port

DEMO = ["demo", "small", "--scale", "0.02", "--until", "2026-06-30"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run([*command(), *DEMO], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "crmkit serve" in done.stdout
    assert "crmkit_" not in done.stdout
    return folder


def listen_on_a_free_port(folder):
    port, settings = free_port(), folder / "small" / "crm.toml"
    text = settings.read_text().partition("\n[server]")[0]
    settings.write_text(f"{text}\n[server]\nport = {port}\n")
    return port


def ask(port, told):
    """Return what the server answers to whoever uses the token that was *told*."""
    (token,) = set(re.findall(r"crmkit_[\w-]+", told))
    with httpx.Client(transport=httpx.HTTPTransport(retries=100), timeout=30) as client:
        headers = {"authorization": f"Bearer {token}"}
        return client.get(f"http://127.0.0.1:{port}/api/v1/sales/deals", headers=headers)


@pytest.mark.slow
def test_demo_serves_with_passwords_and_a_token_that_work_and_stops_with_ctrl_c(folder):
    port = listen_on_a_free_port(folder)
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    process = subprocess.Popen([*command(), *DEMO, "--serve"], cwd=folder, **piped)
    told = ""
    while f"Serving on http://127.0.0.1:{port}" not in told:
        line = process.stdout.readline()
        assert line, told
        told += line
    people = re.findall(r"^  (\S+@\S+)  (\S+)  \(.*, (.*)\)$", told, re.MULTILINE)
    deals = ask(port, told)
    process.send_signal(signal.SIGINT)
    rest, _err = process.communicate(timeout=60)

    assert deals.status_code == 200
    assert (process.returncode, "Stopped" in rest) == (0, True)
    assert [role for _email, _password, role in people] == ["Salesperson", "Sales manager", "Administrator"]
    crm = CRM(load_settings(folder / "small" / "crm.toml", environ={}).config)
    for email, password, _role in people:
        assert sign_in(crm, email, password, Client("127.0.0.1", "a test"))
    crm.close()


@pytest.mark.slow
def test_demo_in_the_background_ends_and_its_server_goes_on_until_it_is_stopped(folder):
    port = listen_on_a_free_port(folder)
    demo = {"cwd": folder, "stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 120}
    done = subprocess.run([*command(), *DEMO, "--background"], **demo)
    assert done.returncode == 0, done.stderr
    process = int(re.search(r"kill (\d+)$", done.stdout, re.MULTILINE)[1])
    try:
        assert ask(port, done.stdout).status_code == 200

        again = subprocess.run([*command(), *DEMO, "--background"], **demo)
        assert f"Something answers on http://127.0.0.1:{port} already" in again.stdout
        assert ask(port, again.stdout).status_code == 200
        assert ask(port, done.stdout).status_code == 401
    finally:
        os.kill(process, signal.SIGTERM)
    log = folder / "small" / "serve.log"
    end = time.monotonic() + 60
    while "Stopped; nothing is left half done." not in log.read_text():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.slow
def test_demo_in_the_background_says_where_it_is_told_why_nobody_answers(folder):
    listen_on_a_free_port(folder)
    settings = folder / "small" / "crm.toml"
    settings.write_text(settings.read_text() + 'host = "192.0.2.1"\n')
    done = subprocess.run([*command(), *DEMO, "--background"], cwd=folder, capture_output=True, text=True)

    assert done.returncode == 1
    assert "the server does not answer; small/serve.log says why" in done.stderr
    assert (folder / "small" / "serve.log").read_text()
