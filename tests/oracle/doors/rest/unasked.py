"""Doors of the HTTP API that the oracle does not ask, each with the reason."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["is_unasked"]

_SIGNING_IN = "It tells who somebody is before there is a principal, and them of what they themselves are known by."

#: By name; one that ends with a dot stands for all that begin with it.
_UNASKED: Mapping[str, str] = {
    "health.": "They say to anybody whether the server works, and nothing of what is in it.",
    "metrics": "It counts requests and work of the process; that a grant is needed, tests/rest/operations tests.",
    "inbound": "Another program is known by its signature and is no principal; what is done then, its plugin decides.",
    "sign-in.": f"{_SIGNING_IN} What is asked of signing in nevertheless is below.",
}
_ASKED = {"sign-in.list_sessions", "sign-in.end_session", "sign-in.list_tokens", "sign-in.end_token"}


def is_unasked(door: str) -> bool:
    """Return whether the *door* of this name is one of those that are not asked."""
    return door not in _ASKED and (door in _UNASKED or f"{door.partition('.')[0]}." in _UNASKED)
