"""Telling what is nobody's fault from a faulty statement: collisions, a full disk, a database that is gone."""

from __future__ import annotations

from sqlite3 import SQLITE_BUSY, SQLITE_CANTOPEN, SQLITE_FULL, SQLITE_IOERR
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine, ExceptionContext

from crmkit.core.errors import CrmkitError, DatabaseFullError, DatabaseUnreachableError, TryAgainError

__all__ = ["code_of", "name_troubles", "said_by", "trouble_of"]

# Serialization failure, deadlock, and a lock that was not to be had in time.
_COLLISIONS = {"40001", "40P01", "55P03", SQLITE_BUSY}
_FULL = {"53100", SQLITE_FULL}
# Out of memory or connections, stopped by an operator, starting up, and what the operating system refuses.
_UNREACHABLE = {"53200", "53300", "57P01", "57P02", "57P03", "58000", "58030", SQLITE_IOERR, SQLITE_CANTOPEN}


def trouble_of(error: BaseException, *, lost: bool = False) -> CrmkitError | None:
    """Return what a driver's *error* means to a caller; ``None`` where the statement itself is at fault.

    *lost* says that the connection is gone, which not every driver tells by a code.
    """
    code = code_of(error)
    if code in _COLLISIONS:
        return TryAgainError()
    if code in _FULL:
        return DatabaseFullError()
    return DatabaseUnreachableError(said_by(error)) if lost or code in _UNREACHABLE else None


def code_of(error: BaseException) -> str | int | None:
    """Return the code as psycopg, pg8000 or sqlite3 have it."""
    said: Any = error.args[0] if error.args else None
    in_dict = said.get("C") if isinstance(said, dict) else None
    primary: int = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return getattr(error, "sqlstate", None) or in_dict or primary


def said_by(error: BaseException) -> str:
    """Return the words of a driver's *error* in one line; pg8000 gives all that PostgreSQL sends, letter by letter."""
    said: Any = error.args[0] if error.args else None
    words = said["M"] if isinstance(said, dict) and "M" in said else error
    return " ".join(str(words).split())


def name_troubles(engine: Engine) -> None:
    """Have *engine* raise the errors of :func:`trouble_of`."""
    sa.event.listen(engine, "handle_error", _named)


def _named(context: ExceptionContext) -> CrmkitError | None:
    # Without a connection it is connecting that failed.
    lost = context.is_disconnect or context.connection is None
    return trouble_of(context.original_exception, lost=lost)
