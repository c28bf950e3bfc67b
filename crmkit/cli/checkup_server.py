"""What ``crmkit doctor`` says of the server: whether it can be reached as it is set up, and whether it answers."""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address
from typing import TYPE_CHECKING

from crmkit.cli.finding import Finding
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.configuration.config import Server
    from crmkit.core.crm import CRM

__all__ = ["examine_server", "ready_status"]

_SECONDS = 3


def examine_server(crm: CRM) -> Iterator[Finding]:
    """Yield what is not well with how *crm* is served, and whether somebody answers on its address."""
    server = crm.config.server
    if server.public_origin is None and not _is_local(server.host):
        facts = {"host": server.host}
        message = _("it listens on {host} and does not know under which address people reach it")
        yield Finding("server", "warn", message, facts, _("Set public_origin in [server] of crm.toml."))
    elif server.public_origin is not None and server.public_origin.startswith("http://"):
        message, todo = _("{origin} is not encrypted: passwords and tokens can be read on the way"), _("Use https.")
        yield Finding("server", "warn", message, {"origin": server.public_origin}, todo)
    yield _answer(server)


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def ready_status(server: Server) -> int | None:
    """Return the status with which whoever answers at the address of *server* says whether it is ready, if anybody."""
    connection = HTTPConnection(server.host, server.port, timeout=_SECONDS)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def _answer(server: Server) -> Finding:
    facts, status = {"host": server.host, "port": server.port}, ready_status(server)
    if status is None:
        return Finding("server", "ok", _("nobody answers on {host}:{port}"), facts)
    if status == 200:
        return Finding("server", "ok", _("it answers on {host}:{port}, and is ready"), facts)
    todo = _("Its log says why. Was the database changed since it was started?")
    return Finding("server", "warn", _("what answers on {host}:{port} is not ready"), facts, todo)
