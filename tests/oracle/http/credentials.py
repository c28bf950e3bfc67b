"""Sessions and tokens, as they are listed and ended over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from crmkit.rest.collections import ROOT
from tests.oracle.http.client import Client

__all__ = ["Credentials", "Listed"]

#: The id of one, its user, what it is called, and when it was made, expires and was used.
Listed = tuple[UUID, UUID, str, datetime, datetime, datetime | None]


class Credentials:
    """What users are known by, as *client* asks for it."""

    def __init__(self, client: Client) -> None:
        self._ask = client.ask

    def sessions(self) -> list[Listed]:
        found = self._ask("GET", f"{ROOT}/sign-in/sessions")["items"]
        assert not any(each["is_this_one"] for each in found), "nobody shows a session"
        return [_listed(each, each["agent"]) for each in found]

    def tokens(self) -> list[Listed]:
        return [_listed(each, each["name"]) for each in self._ask("GET", f"{ROOT}/sign-in/tokens")["items"]]

    def end(self, collection: str, id: UUID) -> None:
        """End one of ``sessions``, or of ``tokens``."""
        self._ask("DELETE", f"{ROOT}/sign-in/{collection}/{id}")


def _listed(each: dict[str, Any], name: str) -> Listed:
    made, expires, used = (
        each[key] and datetime.fromisoformat(each[key]) for key in ("created_at", "expires_at", "last_used_at")
    )
    return UUID(each["id"]), UUID(each["user_id"]), name, made, expires, used
