"""Forgetting records that plugins keep of their own work, such as logs: for good, with their histories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crmkit.core.entity import Record, entity_info
from crmkit.core.errors import ForbiddenError
from crmkit.core.privacy.belonging import Key
from crmkit.core.privacy.extent import Extent
from crmkit.core.privacy.holding import held
from crmkit.core.privacy.wiping import wipe

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["forget_records"]


def forget_records(writer: Writer, records: Sequence[Record]) -> int:
    """Delete *records* for good and return how many those were; what a legal hold concerns stays.

    Nothing may refer to them. That they were forgotten is noted in the ledger. It takes the system's writer, that of
    subscribers and jobs: people delete what they may delete, and can take it back.

    Raises:
        ForbiddenError: the writer is not the system's.
    """
    keys = {(entity_info(type(record)).id, record.id): record for record in records}
    if not keys:
        return 0
    if not writer.access.is_system:
        raise ForbiddenError(next(iter(keys))[0], "forget", "*")
    about = {key: _told_of(record) for key, record in keys.items()}
    kept = set(held(writer.trusted, {*keys, *(each for each in about.values() if each)}))
    gone = tuple(key for key in keys if key not in kept and about[key] not in kept)
    wipe(writer, Extent(gone, {}), ())
    return len(gone)


def _told_of(record: Record) -> Key | None:
    tells_of = entity_info(type(record)).tells_of
    return None if tells_of is None else (getattr(record, tells_of[0]), getattr(record, tells_of[1]))
