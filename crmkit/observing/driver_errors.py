"""What may be told of an error of a database: its code, and its words without what stands there of values."""

from __future__ import annotations

import re
import sqlite3
from typing import Any

import sqlalchemy as sa

from crmkit.core.storage.troubles import code_of, said_by

__all__ = ["told_of_driver"]

_DRIVERS = frozenset({"sqlite3", "psycopg", "pg8000"})
# What triggers and functions of a company raise says what they like.
_THEIR_OWN = frozenset({"P0001", sqlite3.SQLITE_CONSTRAINT_TRIGGER})
# A value may have quotes inside, and the database speaks the language of whoever runs it: from the first to the last.
_MARKS = "\"'`´„“”«»‘’‚「」『』"
_QUOTED = re.compile(f"[{_MARKS}].*[{_MARKS}]", re.DOTALL)
_LONGEST = 500


def told_of_driver(error: BaseException) -> str | None:
    """Return what may be told of *error*: nothing of a value; ``None`` if it comes from no database."""
    if isinstance(error, sa.exc.StatementError):
        # What is no driver's had to do with a parameter.
        inner = None if error.orig is None else told_of_driver(error.orig) or type(error.orig).__name__
        return type(error).__name__ if inner is None else f"{type(error).__name__}: {inner}"
    if type(error).__module__.partition(".")[0] not in _DRIVERS:
        return None
    code = code_of(error)
    name = f"{type(error).__name__} ({getattr(error, 'sqlite_errorname', code)})" if code else type(error).__name__
    if code in _THEIR_OWN or getattr(error, "sqlite_errorcode", None) in _THEIR_OWN:
        return name
    return f"{name}: {_QUOTED.sub('…', _primary(error))[:_LONGEST]}"


def _primary(error: BaseException) -> str:
    """Return the words of *error* without details, hints and context, where the driver keeps them apart."""
    diagnosis: Any = getattr(error, "diag", None)
    return getattr(diagnosis, "message_primary", None) or said_by(error)
