"""The address under which people reach the server, as it is configured: what a request says of it is never believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmkit.rest.errors import SiteError

if TYPE_CHECKING:
    from crmkit.core.configuration.config import Config
    from crmkit.rest.calls import Call

__all__ = ["check_same_site", "origin_of"]


def origin_of(config: Config) -> str:
    """Return the origin of the server: the configured one, or that of this machine."""
    server = config.server
    return server.public_origin or f"http://{server.host}:{server.port}"


def check_same_site(call: Call) -> None:
    """Return unless a browser says that a page of another site sends *call*; who is no browser says nothing.

    Raises:
        SiteError: it does.
    """
    origin, site = call.headers.get("origin"), call.headers.get("sec-fetch-site", "same-origin")
    if site not in ("same-origin", "none") or (origin is not None and origin != origin_of(call.crm.config)):
        raise SiteError
