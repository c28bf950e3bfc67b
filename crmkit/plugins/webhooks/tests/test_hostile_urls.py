"""T20: whatever a URL looks like, and whatever its name means a moment later, this machine is not reached."""

import asyncio
import socket

import pytest

from crmkit import NetworkGuard, ValidationError, WriteRefusedError
from crmkit.plugins.sales.entities import Deal
from crmkit.plugins.webhooks.entities import Delivery, Endpoint
from crmkit.plugins.webhooks.services.client import Client

from .receivers import Stubborn, hang

_LOOPBACK = "127.0.0.1"


@pytest.fixture
def canary(stubborn):
    """A server on this machine that nobody is to reach."""
    return stubborn(hang)


def urls(port):
    """Return URLs that would lead to *port* of this machine if somebody fell for them."""
    dotted = [
        *("127.0.0.1", "127.1", "127.0.1", "127.000.000.001", "0177.0.0.1", "0177.0.0.01", "0x7f.0.0.1", "0x7f.1"),
        *("0x7f000001", "0x7F000001", "2130706433", "017700000001", "0", "0.0.0.0", "00.0.0.0", "127.0.0.1."),
        *("127.0.0.0x1", "localhost", "LOCALHOST", "localhost.", "１２７.0.0.1", "127。0。0。1", "①②⑦.0.0.1"),
        *("[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]"),
        *("[0:0:0:0:0:ffff:7f00:0001]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::1%25lo]", "[::1%lo]"),
        *("a@127.0.0.1", "a:b@127.0.0.1", "example.com@127.0.0.1", "example.com%40127.0.0.1", "127.0.0.1%00"),
        *("example.com\\@127.0.0.1", "example.com#@127.0.0.1", "127.0.0.1#", "127.0.0.1%2f", "example.com\t@127.0.0.1"),
        *("inside.example", "mapped.example", "mixed.example"),
    ]
    return [f"{scheme}://{host}:{port}/" for scheme in ("http", "https") for host in dotted]


@pytest.fixture
def names(monkeypatch):
    """Have a few names mean what somebody has made them mean; everything else is looked up as ever."""
    real = socket.getaddrinfo
    known = {
        "inside.example": [_LOOPBACK],
        "mapped.example": ["::ffff:127.0.0.1"],
        "mixed.example": ["93.184.215.14", _LOOPBACK],
    }

    def look_up(host, port, *more, **named):
        name = host.decode() if isinstance(host, bytes) else host
        if name in known:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known[name]]
        return real(host, port, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


def post(url, guard):
    async def sent():
        async with Client(guard) as client:
            return await client.post(0, url, {}, b"{}")

    return asyncio.run(sent())


def test_no_disguise_of_this_machine_is_reached(canary, names):
    port = int(canary.url().rpartition(":")[2].partition("/")[0])

    async def all_of_them():
        async with Client(NetworkGuard()) as client:
            return [await client.post(0, url, {}, b"{}") for url in urls(port)]

    answers = asyncio.run(all_of_them())
    assert len(answers) >= 80
    assert {answer.status for answer in answers} == {None}
    assert all(answer.error.startswith("Nothing is sent to this URL") for answer in answers)
    assert canary.connections == 0


def test_name_that_means_something_else_a_moment_later_is_connected_to_as_it_was_judged(canary, names, monkeypatch):
    """DNS rebinding: the first question is answered with an address of the internet, every later one with ours."""
    port, asked = int(canary.url().rpartition(":")[2].partition("/")[0]), []
    public = "93.184.215.14"

    def look_up(host, at, *_more, **_named):
        asked.append(host)
        means = public if asked.count("rebound.example") == 1 and host == "rebound.example" else _LOOPBACK
        address = host if host == public else means
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, at))]

    tried = []
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket.socket, "connect", lambda _self, address: tried.append(address))

    async def connected(self, _socket, address):
        tried.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(asyncio.selector_events.BaseSelectorEventLoop, "sock_connect", connected)
    answer = post(f"https://rebound.example:{port}/", NetworkGuard())
    assert answer.status is None
    assert [address[0] for address in tried] == [public]
    assert canary.connections == 0


def test_webhook_cannot_be_made_for_what_names_this_machine_and_is_not_sent_where_a_name_leads_there(
    make_crm, people_of, canary, names, make_worker
):
    crm, dora = people_of(make_crm("webhooks", "sales"))
    port = int(canary.url().rpartition(":")[2].partition("/")[0])
    made = 0
    for url in urls(port):
        try:
            with crm.write(dora) as db:
                db.create(Endpoint(name="Other", url=url))
            made += 1
        except (ValidationError, WriteRefusedError):
            pass
    # Only names are left, of which nobody knows yet what they mean.
    assert 0 < made < 10
    with crm.write(dora) as db:
        db.create(Deal(name="Pilot"))
    make_worker(crm).run_until_idle()
    with crm.system("test") as db:
        found = db.find(Delivery, limit=100)
    assert len(found) >= made
    assert {each.state for each in found} == {"waiting"}
    assert all(each.error.startswith("Nothing is sent to this URL") for each in found)
    assert canary.connections == 0


def test_canary_is_there(canary):
    with socket.create_connection((_LOOPBACK, int(canary.url().rpartition(":")[2].partition("/")[0]))):
        pass
    assert isinstance(canary, Stubborn)
