"""Going through pages, which a fault in crmkit may make endless."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["pages_of"]

_MOST = 200


def pages_of(ask: Callable[[str | None], Any]) -> Iterator[Any]:
    """Yield what *ask* answers to each cursor, from the beginning (``None``) to the page that names no next.

    Raises:
        AssertionError: the pages never end.
    """
    after = None
    for _ in range(_MOST):
        yield (page := ask(after))
        if (after := page.next) is None:
            return
    raise AssertionError("the pages never end")
