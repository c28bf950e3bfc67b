"""How far a revision with data steps has come, kept in the transaction that came so far."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.migrating.revisions import Revision
from crmkit.core.storage.system_tables.bookkeeping import checkpoint

__all__ = ["Progress", "forget_progress", "keep_progress", "read_progress"]

# Read while the core itself may be changing, so it is not the table of a schema.
_CHECKPOINT = checkpoint(sa.MetaData())


@attrs.frozen
class Progress:
    """``upgrade`` has run, and so have the data steps before *place*; of that one, *rows* up to the key *after*."""

    place: int
    rows: int = 0
    after: Any = None


def read_progress(connection: Connection, revision: Revision) -> Progress | None:
    """Return how far *revision* has come; ``None`` if it was not begun."""
    if not sa.inspect(connection).has_table(_CHECKPOINT.name):
        return None
    found = connection.scalar(sa.select(_CHECKPOINT.c.state).where(_CHECKPOINT.c.key == _key(revision)))
    return None if found is None else Progress(found["place"], found["rows"], _decoded(found["after"]))


def keep_progress(connection: Connection, revision: Revision, progress: Progress, at: datetime) -> None:
    """Keep that *revision* has come so far."""
    state = {"place": progress.place, "rows": progress.rows, "after": _encoded(progress.after)}
    forget_progress(connection, revision)
    values = {"key": _key(revision), "position": progress.rows, "state": state, "updated_at": at}
    connection.execute(sa.insert(_CHECKPOINT).values(values))


def forget_progress(connection: Connection, revision: Revision) -> None:
    """Keep nothing more of *revision*: it is finished, or was not begun."""
    connection.execute(sa.delete(_CHECKPOINT).where(_CHECKPOINT.c.key == _key(revision)))


def _key(revision: Revision) -> str:
    return f"revision:{revision.id}"


def _encoded(key: Any) -> Any:
    match key:
        case bytes():
            return {"bytes": key.hex()}
        case UUID():
            return {"uuid": str(key)}
        case _:
            return key


def _decoded(key: Any) -> Any:
    match key:
        case {"bytes": text}:
            return bytes.fromhex(text)
        case {"uuid": text}:
            return UUID(text)
        case _:
            return key
