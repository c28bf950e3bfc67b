"""T20: whatever a URL is dressed up as, it does not lead to this machine or to the network around it.

Espo CVE-2026-33534, Twenty CVE-2026-27023 and -33975, Directus CVE-2026-61835, NocoDB CVE-2026-46548, Kanboard
CVE-2026-57862. What the senders themselves do with such URLs, their own tests tell.
"""

from ipaddress import ip_address

import pytest
from hypothesis import example, given, strategies as st

from crmkit import NetworkGuard, RefusedAddressError
from tests.core.network.hostile import HOSTILE, RESOLVED

GUARD = NetworkGuard()


@pytest.fixture
def names(monkeypatch):
    """What names resolve to, for a moment."""
    known = {name: list(addresses) for name, addresses in RESOLVED.items()}

    def look_up(host, port, *_args, **_more):
        try:
            return [(None, None, None, "", (str(ip_address(host)), port))]
        except ValueError:
            return [(None, None, None, "", (address, port)) for address in known.get(host, ())]

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    return known


def reached(guard, url):
    return guard.resolve(guard.check(url))


@pytest.mark.parametrize("url", HOSTILE)
def test_url_that_leads_inside_is_refused(url, names):
    with pytest.raises(RefusedAddressError):
        reached(GUARD, url)


def test_there_are_forty_of_them():
    assert len(set(HOSTILE)) >= 40


@pytest.mark.parametrize(
    ("url", "host", "port", "target"),
    [
        ("https://example.com", "example.com", 443, "/"),
        ("https://EXAMPLE.com:8443/a/b?c=d@e:80", "example.com", 8443, "/a/b?c=d@e:80"),
        ("https://93.184.215.14/hook", "93.184.215.14", 443, "/hook"),
        (
            "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/hook",
            "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
            443,
            "/hook",
        ),
        ("https://xn--fiq228c.example.com/%E4%B8%AD?%20", "xn--fiq228c.example.com", 443, "/%E4%B8%AD?%20"),
    ],
)
def test_url_that_leads_to_the_internet_is_read_as_it_stands(url, host, port, target):
    found = GUARD.check(url)
    assert (found.host, found.port, found.target, found.is_plain) == (host, port, target, False)


def test_name_with_one_address_inside_is_refused_whole(names):
    names["mixed.example"] = ["93.184.215.14", "10.0.0.7"]
    with pytest.raises(RefusedAddressError) as caught:
        reached(GUARD, "https://mixed.example/")
    assert "10.0.0.7" not in str(caught.value)


def test_name_is_looked_up_once_and_its_addresses_are_what_counts(names):
    names["rebound.example"] = ["93.184.215.14"]
    addresses = reached(GUARD, "https://rebound.example/")
    names["rebound.example"] = ["127.0.0.1"]
    assert addresses == [ip_address("93.184.215.14")]


def test_network_that_is_allowed_is_reached_by_http_too_and_nothing_beside_it(names):
    guard = NetworkGuard(["10.1.0.0/16", "::1/128"])
    names["inside.example"] = ["10.1.2.3"]
    for url in ("http://10.1.2.3:8080/", "https://10.1.2.3/", "http://inside.example/", "http://[::1]/"):
        assert reached(guard, url)
    for url in ("http://10.2.2.3/", "http://127.0.0.1/", "http://93.184.215.14/", "http://[::ffff:10.2.2.3]/"):
        with pytest.raises(RefusedAddressError):
            reached(guard, url)


@example("https://example.com@127.0.0.1/")
@given(st.text(max_size=60) | st.from_regex(r"https?://[\w@:\[\].%\\/#?-]{1,40}", fullmatch=True))
def test_what_is_accepted_is_read_alike_by_others(url):
    """The URL parser of the standard library, and the one of the client that sends, find the same host and port."""
    from urllib.parse import urlsplit

    try:
        found = GUARD.check(url)
    except RefusedAddressError:
        return
    other = urlsplit(url)
    assert (other.hostname, other.port or 443, other.username) == (found.host, found.port, None)
