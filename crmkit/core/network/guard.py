"""The guard that every sender asks: whoever may name a URL must not reach what only this machine reaches.

A host is resolved once, every address that it has is judged, and the sender connects to one of those addresses, never
to the name again: a name that means something else a moment later (DNS rebinding) leads nowhere. Redirects are not
followed by any sender; if one has to be, its target is a URL like any other, to be judged anew.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from crmkit.core.network.addresses import Address, Network, is_public, plain
from crmkit.core.network.destinations import Destination, read_url
from crmkit.core.network.errors import RefusedAddressError
from crmkit.core.text import gettext as _

__all__ = ["NetworkGuard"]


class NetworkGuard:
    """Lets requests go to the internet over https, and, by any way, to the networks in *allow* (``10.1.0.0/16``)."""

    def __init__(self, allow: Iterable[str] = ()) -> None:
        """Know the networks to *allow* although they are not public."""
        self._allowed: tuple[Network, ...] = tuple(map(ip_network, allow))

    def check(self, url: str) -> Destination:
        """Return where *url* leads, as far as it tells by itself: no name is looked up.

        Raises:
            RefusedAddressError: it is not written plainly, names an address that may not be reached, or is not https.
        """
        found = read_url(url)
        if found.address is not None:
            self._judge(found, [found.address])
        elif found.is_plain and not self._allowed:
            raise RefusedAddressError(_("it is not https"))
        return found

    def resolve(self, destination: Destination) -> list[Address]:
        """Return the addresses of *destination*, which may be reached: connect to one of them, and to nothing else.

        It waits for the network.

        Raises:
            RefusedAddressError: one of its addresses may not be reached, or its name has none.
        """
        addresses = [destination.address] if destination.address else _looked_up(destination)
        self._judge(destination, addresses)
        return addresses

    def _judge(self, destination: Destination, addresses: Iterable[Address]) -> None:
        for address in addresses:
            if any(plain(address) in network for network in self._allowed):
                continue
            if not is_public(address):
                raise RefusedAddressError(_("its address is not one of the internet"))
            if destination.is_plain:
                raise RefusedAddressError(_("it is not https"))


def _looked_up(destination: Destination) -> list[Address]:
    try:
        found = socket.getaddrinfo(destination.host, destination.port, type=socket.SOCK_STREAM)
        addresses = dict.fromkeys(ip_address(str(entry[4][0])) for entry in found)
    except (OSError, ValueError, UnicodeError):
        addresses = {}
    if not addresses:
        raise RefusedAddressError(_("its host has no address"))
    return list(addresses)
