"""Where a URL leads, read so strictly that no other reader of it could understand it otherwise."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address

import attrs

from crmkit.core.network.addresses import Address
from crmkit.core.network.errors import RefusedAddressError
from crmkit.core.text import gettext as _

__all__ = ["Destination", "read_url"]

# No user, no fragment, no backslash, no space, nothing beyond ASCII: readers of URLs disagree on these.
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<target>[/?][!$-;=?-\[\]_a-z~]*)?\Z"
)
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)\Z")
_NUMBER = re.compile(r"([0-9]+|0x[0-9a-f]*)\Z")
_PORTS = {"http": 80, "https": 443}
_LONGEST = 2000


@attrs.frozen
class Destination:
    """A host and port, and what is asked of it; *address* where the URL names one instead of a host."""

    scheme: str
    host: str
    port: int
    target: str
    address: Address | None = None

    @property
    def is_plain(self) -> bool:
        """Whether everybody on the way reads along."""
        return self.scheme == "http"


def read_url(url: str) -> Destination:
    """Return where *url* leads; nothing is looked up.

    Raises:
        RefusedAddressError: it is no URL in plain words. A host beyond ASCII is written in its ``xn--`` form, an
            address as four decimal numbers or, in brackets, as that of IPv6.
    """
    found = _URL.match(url) if len(url) <= _LONGEST else None
    port = int(found["port"] or _PORTS[found["scheme"]]) if found else 0
    if found is None or port > 65535:
        raise RefusedAddressError(_("expected https://HOST/PATH in ASCII, without a user or a fragment"))
    host = found["host"].lower()
    address = _address(host)
    if address is None and not (len(host) <= 253 and all(map(_LABEL.match, host.split(".")))):
        raise RefusedAddressError(_("its host is none"))
    return Destination(found["scheme"], host.strip("[]"), port, found["target"] or "/", address)


def _address(host: str) -> Address | None:
    """Return the address that *host* is; ``None`` if it is a name. What ends in a number is no name."""
    try:
        if host.startswith("["):
            return IPv6Address(host[1:-1])
        if _NUMBER.match(host.rpartition(".")[2]):
            return IPv4Address(host)
    except ValueError:
        raise RefusedAddressError(_("write its address as four decimal numbers, or in brackets as IPv6")) from None
    return None
