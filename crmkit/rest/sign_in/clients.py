"""From where somebody signs in. What a proxy says of that is believed if the configuration names the proxy."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from crmkit.auth import Client

if TYPE_CHECKING:
    from crmkit.rest.calls import Call

__all__ = ["client_of"]


def client_of(call: Call) -> Client:
    """Return from where *call* comes."""
    return Client(_address(call), call.headers.get("user-agent", ""))


def _address(call: Call) -> str:
    """Return the address of the sender: of those that proxies have told, the last one that is no proxy."""
    told = [part.strip() for part in call.headers.get("x-forwarded-for", "").split(",") if part.strip()]
    address = call.peer
    while told and _is_proxy(address, call.crm.config.server.proxies):
        address = told.pop()
    return address


def _is_proxy(address: str, proxies: Iterable[str]) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in ip_network(each) for each in proxies)
