"""Where somebody goes after signing in: to a page of the same site, whatever a link asks for."""

from __future__ import annotations

import re

__all__ = ["HOME", "next_page"]

HOME = "/"
# A path: one slash at first, and neither what browsers read as a slash nor what they leave out.
_PATH = re.compile(r"/(?![/\\])[!#-\[\]-~]*\Z")


def next_page(asked: str | None) -> str:
    """Return *asked* if it is a path on this site with nothing odd in it; else the home page.

    Browsers take a backslash for a slash and drop tabs and line breaks (WHATWG URL Standard), so that a path may begin
    another address; only printable ASCII but the backslash and the quotation mark is let through.
    """
    return asked if asked is not None and len(asked) <= 2000 and _PATH.match(asked) else HOME
