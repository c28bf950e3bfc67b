"""Lists that have an end only behind many pages: how much of one is asked for, and where the next page is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

import msgspec

from crmkit.rest.calls import Call
from crmkit.rest.queries import MOST
from crmkit.rest.replies import Reply, json_reply

__all__ = ["Page", "next_link", "page_reply"]

T = TypeVar("T")


class Page(msgspec.Struct, forbid_unknown_fields=True):
    """Which part of a list is asked for."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST)] = 50
    cursor: str | None = None


def next_link(call: Call, cursor: str | None) -> dict[str, str]:
    """Return the header that leads to the next page (RFC 8288)."""
    if cursor is None:
        return {}
    same = [(name, value) for name, value in call.arguments if name != "cursor"]
    return {"link": f'<{call.path}?{urlencode([*same, ("cursor", cursor)])}>; rel="next"'}


def page_reply(
    call: Call, found: Sequence[T], asked: Page, shown: Callable[[T], Any], mark: Callable[[T], object]
) -> Reply:
    """Return one page of what was *found*, which is one more than *asked* for where there is a next one.

    That begins behind the *mark* of the last of this page.
    """
    page = found[: asked.limit]
    cursor = str(mark(page[-1])) if len(found) > asked.limit else None
    return json_reply({"items": [shown(each) for each in page], "next": cursor}, headers=next_link(call, cursor))
