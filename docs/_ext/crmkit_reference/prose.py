"""Docstrings as Markdown."""

from __future__ import annotations

import inspect
import re

__all__ = ["cell", "prose"]


def prose(thing: object) -> str:
    """Return a docstring, or that of a thing, its reStructuredText roles and literals written as Markdown."""
    text = thing if isinstance(thing, str) else inspect.getdoc(thing) or ""
    return re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text).replace("``", "`")


def cell(text: str) -> str:
    """Return *text* as it may stand in a table."""
    return " ".join(text.split()).replace("|", "\\|")
