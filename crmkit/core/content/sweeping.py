"""Content against the database: what nothing names is deleted, and what is named and missing is told."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

import attrs
from sqlalchemy.engine import Connection

from crmkit.core.content.named import HashColumn, Naming, all_named, hash_columns, named, namings
from crmkit.core.content.store import ContentStore

if TYPE_CHECKING:
    from crmkit.core.model import Model

__all__ = ["GRACE", "Swept", "lost_content", "sweep", "unnamed"]

#: What was put so lately stays: the record that will name it may be on its way.
GRACE = timedelta(days=1)
_AT_ONCE = 500


@attrs.frozen
class Swept:
    """Content that nothing names: the hashes, and whether it was deleted."""

    hashes: tuple[str, ...]
    is_deleted: bool


def sweep(
    model: Model, connection: Connection, contents: ContentStore, *, dry_run: bool = True, now: float | None = None
) -> Swept:
    """Delete the content that no record names, those in the bin counted too, unless it is of the last 24 hours.

    *now* is the time of the place where the content is, in seconds since 1970.
    """
    before = (time.time() if now is None else now) - GRACE.total_seconds()
    hashes = list(unnamed(connection, hash_columns(model, connection), contents.hashes(before)))
    if not dry_run:
        contents.tidy(before)
        hashes = [hash_ for hash_ in hashes if contents.remove(hash_, before)]
    return Swept(tuple(sorted(hashes)), not dry_run)


def unnamed(connection: Connection, columns: list[HashColumn], hashes: Iterable[str]) -> Iterator[str]:
    """Yield those of *hashes* that no row names."""
    for batch in _batches(hashes):
        needed = named(connection, columns, batch)
        yield from (hash_ for hash_ in batch if hash_ not in needed)


def lost_content(model: Model, connection: Connection, contents: ContentStore) -> Iterator[Naming]:
    """Yield each row that names content which is missing; what is there is not read."""
    columns = hash_columns(model, connection)
    missing = (hash_ for hash_ in all_named(connection, columns) if not contents.has(hash_))
    for batch in _batches(missing):
        yield from namings(model, connection, columns, batch)


def _batches(hashes: Iterable[str]) -> Iterator[list[str]]:
    waiting = iter(hashes)
    while batch := list(islice(waiting, _AT_ONCE)):
        yield batch
