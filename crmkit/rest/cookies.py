"""Cookies: those of a request, and those that an answer sets, which no script reads and no other site sends along.

Where the origin is https their names begin with ``__Host-`` (RFC 6265bis, section 4.1.3.2): a browser takes them from
this host alone, over https, for the whole site. Over http, on this machine, they have plain names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from crmkit.core.configuration.config import Config
    from crmkit.rest.calls import Call

__all__ = ["FLOW", "SESSION", "clear_cookie", "cookie_of", "name_at", "set_cookie"]

Name = Literal["crmkit_session", "crmkit_flow"]
#: Holds the secret of a session.
SESSION: Name = "crmkit_session"
#: Holds what shows that the same browser comes back from a provider.
FLOW: Name = "crmkit_flow"


def cookie_of(call: Call, name: Name) -> str | None:
    """Return what the cookie *name* of *call* holds; ``None`` if there is none, or several, of which one is planted."""
    wanted = _full_name(call.crm.config, name)
    parts = (part.strip().partition("=") for part in call.headers.get("cookie", "").split(";"))
    found = [value for key, _equals, value in parts if key == wanted]
    return found[0] if len(found) == 1 else None


def set_cookie(config: Config, name: Name, value: str, *, seconds: int | None = None) -> Mapping[str, str]:
    """Return the header that sets the cookie *name*, for *seconds* or until the browser is closed."""
    secure = "; Secure" if _is_secure(config) else ""
    life = "" if seconds is None else f"; Max-Age={seconds}"
    return {"set-cookie": f"{_full_name(config, name)}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{life}"}


def clear_cookie(config: Config, name: Name) -> Mapping[str, str]:
    """Return the header that has a browser forget the cookie *name*."""
    return set_cookie(config, name, "", seconds=0)


def name_at(origin: str, name: Name) -> str:
    """Return what the cookie *name* is called by pages of *origin*."""
    return f"__Host-{name}" if origin.startswith("https:") else name


def _full_name(config: Config, name: Name) -> str:
    return name_at(config.server.origin, name)


def _is_secure(config: Config) -> bool:
    return config.server.origin.startswith("https:")
