"""Telling a transaction that collided with another one from one that is at fault itself."""

from __future__ import annotations

from sqlite3 import SQLITE_BUSY
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine, ExceptionContext

from crmkit.core.errors import TryAgainError

__all__ = ["is_collision", "name_collisions"]

# Serialization failure, deadlock, and a lock that was not to be had in time.
_STATES = frozenset({"40001", "40P01", "55P03"})


def is_collision(error: object) -> bool:
    """Return whether a driver's *error* says that another transaction was in the way."""
    # As psycopg, pg8000 and sqlite3 say it.
    said: Any = getattr(error, "args", ()) or (None,)
    state = getattr(error, "sqlstate", None) or (said[0].get("C") if isinstance(said[0], dict) else None)
    return state in _STATES or getattr(error, "sqlite_errorcode", 0) & 0xFF == SQLITE_BUSY


def name_collisions(engine: Engine) -> None:
    """Have *engine* raise :class:`TryAgainError` for every collision."""
    sa.event.listen(engine, "handle_error", _named)


def _named(context: ExceptionContext) -> TryAgainError | None:
    return TryAgainError() if is_collision(context.original_exception) else None
