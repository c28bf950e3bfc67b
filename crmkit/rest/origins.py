"""The address under which people reach the server, as it is configured: what a request says of it is never believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmkit.rest.errors import SiteError

if TYPE_CHECKING:
    from crmkit.rest.calls import Call

__all__ = ["check_same_site"]


def check_same_site(call: Call) -> None:
    """Return unless a browser says that a page of another site sends *call*; who is no browser says nothing.

    Raises:
        SiteError: it does.
    """
    origin, site = call.headers.get("origin"), call.headers.get("sec-fetch-site", "same-origin")
    if site not in ("same-origin", "none") or (origin is not None and origin != call.crm.config.server.origin):
        raise SiteError
