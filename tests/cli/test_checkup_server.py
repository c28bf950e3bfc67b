"""What `crmkit doctor` says of the server."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest


@pytest.fixture
def answering():
    """Have something answer to every question with a status, and return its port."""
    servers = []

    def answering(status):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_given):
                pass

        servers.append(HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return servers[-1].server_port

    yield answering
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def server_rows(project, crmkit, monkeypatch):
    def server_rows(**settings):
        for name, value in settings.items():
            monkeypatch.setenv(f"CRM_SERVER_{name.upper()}", str(value))
        return [(row["status"], row["message"]) for row in crmkit("doctor", "--json").json if row["check"] == "server"]

    return server_rows


@pytest.mark.parametrize(
    ("status", "row"),
    [
        (200, ("ok", "it answers on 127.0.0.1:{port}, and is ready")),
        (503, ("warn", "what answers on 127.0.0.1:{port} is not ready")),
    ],
)
def test_doctor_asks_whoever_answers_whether_it_is_ready(server_rows, answering, status, row):
    port = answering(status)

    assert server_rows(port=port) == [(row[0], row[1].format(port=port))]


@pytest.mark.long
def test_doctor_says_that_nobody_answers(server_rows):
    assert server_rows(port=1) == [("ok", "nobody answers on 127.0.0.1:1")]


def test_doctor_warns_of_a_server_that_others_reach_and_does_not_know_how(server_rows):
    told = server_rows(host="0.0.0.0", port=1)

    assert told[0] == ("warn", "it listens on 0.0.0.0 and does not know under which address people reach it")


def test_doctor_warns_of_an_address_that_is_not_encrypted(server_rows):
    told = server_rows(public_origin="http://crm.example.org", port=1)

    assert told[0][0] == "warn"
    assert "http://crm.example.org is not encrypted" in told[0][1]
