"""The demo company opens its doors where a terminal shows how to get in, and nowhere else keeps anybody waiting."""

import re
import signal
import subprocess

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


@pytest.mark.slow
def test_demo_serves_with_passwords_and_a_token_that_work_and_stops_with_ctrl_c(folder):
    port = free_port()
    text = (folder / "small" / "crm.toml").read_text()
    (folder / "small" / "crm.toml").write_text(f"{text}\n[server]\nport = {port}\n")
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    process = subprocess.Popen([*command(), *DEMO, "--serve"], cwd=folder, **piped)
    told = ""
    while f"Serving on http://127.0.0.1:{port}" not in told:
        line = process.stdout.readline()
        assert line, told
        told += line
    people = re.findall(r"^  (\S+@\S+)  (\S+)  \(.*, (.*)\)$", told, re.MULTILINE)
    (token,) = set(re.findall(r"crmkit_[\w-]+", told))
    asked = {"headers": {"authorization": f"Bearer {token}"}, "timeout": 30}
    transport = httpx.HTTPTransport(retries=100)
    with httpx.Client(transport=transport) as client:
        deals = client.get(f"http://127.0.0.1:{port}/api/v1/sales/deals", **asked)
    process.send_signal(signal.SIGINT)
    rest, _err = process.communicate(timeout=60)

    assert deals.status_code == 200
    assert (process.returncode, "Stopped" in rest) == (0, True)
    assert [role for _email, _password, role in people] == ["Salesperson", "Sales manager", "Administrator"]
    crm = CRM(load_settings(folder / "small" / "crm.toml", environ={}).config)
    for email, password, _role in people:
        assert sign_in(crm, email, password, Client("127.0.0.1", "a test"))
    crm.close()
