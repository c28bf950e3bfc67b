"""Finding somebody in the queue: in the arguments of jobs, in what they told of their progress, in their errors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crmkit.core.privacy.belonging import Key
from crmkit.core.storage.batches import padded_batches

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["forget_jobs"]

_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
# Shorter ones stand in texts that are about something else.
_SHORTEST = 5
_PAGE = 1_000


def forget_jobs(writer: Writer, keys: Iterable[Key], words: set[str]) -> None:
    """Delete the jobs whose arguments name one of *keys* or are one of *words*; empty what others tell of them.

    A worker that is busy with a deleted job writes nothing: it has lost its lease.
    """
    ids = {str(id_) for _entity, id_ in keys}
    telling = [word for word in words if len(word) >= _SHORTEST]
    gone: list[UUID] = []
    silenced: list[UUID] = []
    for row in _jobs(writer):
        if _names(row.payload, ids, words) or (row.key and _mentions(row.key, ids, telling)):
            gone.append(row.id)
        elif any(_mentions(str(told), ids, telling) for told in (row.details, row.progress) if told):
            silenced.append(row.id)
    table = writer.model.schema.system.job
    for batch in padded_batches(gone):
        writer.connection.execute(sa.delete(table).where(table.c.id.in_(batch)))
    for batch in padded_batches(silenced):
        writer.connection.execute(sa.update(table).where(table.c.id.in_(batch)).values(details=None, progress=None))


def _jobs(writer: Writer) -> Iterator[Any]:
    """Yield all jobs, a page at a time."""
    table = writer.model.schema.system.job
    columns = sa.select(table.c.id, table.c.key, table.c.payload, table.c.details, table.c.progress)
    page = writer.connection.execute(columns.order_by(table.c.id).limit(_PAGE)).all()
    while page:
        yield from page
        page = writer.connection.execute(
            columns.where(table.c.id > page[-1].id).order_by(table.c.id).limit(_PAGE)
        ).all()


def _names(value: Any, ids: set[str], words: set[str]) -> bool:
    """Return whether *value*, decoded JSON, holds one of *ids* anywhere or one of *words* as a whole text."""
    if isinstance(value, str):
        return value in words or any(found.lower() in ids for found in _ID.findall(value))
    if isinstance(value, dict):
        return any(_names(part, ids, words) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(_names(part, ids, words) for part in value)


def _mentions(text: str, ids: set[str], words: Iterable[str]) -> bool:
    return any(found.lower() in ids for found in _ID.findall(text)) or any(word in text for word in words)
