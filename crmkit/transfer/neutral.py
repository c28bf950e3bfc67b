"""Text that a spreadsheet would run as a formula, made harmless, and given back unchanged by an import.

See OWASP, "CSV Injection": a cell that starts with one of these characters may be evaluated by Excel and
LibreOffice. An apostrophe in front makes it text; texts that begin with apostrophes before such a character
get one more, so that :func:`restore` gives back exactly what :func:`neutralise` was given.
"""

from __future__ import annotations

import re

__all__ = ["neutralise", "restore"]

# = + - @ and their full-width forms, tab, carriage return, line feed.
_ACTIVE = "=+\\-@＝＋－＠\t\r\n"
_HARMFUL = re.compile(f"'*[{_ACTIVE}]")
_NEUTRAL = re.compile(f"'+[{_ACTIVE}]")


def neutralise(text: str) -> str:
    """Return *text* so that no spreadsheet evaluates it."""
    return f"'{text}" if _HARMFUL.match(text) else text


def restore(text: str) -> str:
    """Return the text that :func:`neutralise` was given."""
    return text[1:] if _NEUTRAL.match(text) else text
