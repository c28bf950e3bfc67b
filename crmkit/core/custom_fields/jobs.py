"""The work that custom fields leave to workers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from crmkit.core.custom_fields.indexing import bring_indexes_up_to_date
from crmkit.core.jobs.context import WorkContext
from crmkit.core.jobs.job import Job, NoArguments
from crmkit.core.searching.rebuilding import MAKE_SEARCH_INDEX
from crmkit.core.writing.changes import Write

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["INDEX_CUSTOM_FIELDS", "plan_indexes"]


def _index(context: WorkContext, _arguments: NoArguments) -> None:
    with context.read() as db:
        model = db.model
    bring_indexes_up_to_date(model)


INDEX_CUSTOM_FIELDS = Job("core.index_custom_fields", _index, time_limit=timedelta(hours=2))


def plan_indexes(writer: Writer, writes: Sequence[Write]) -> None:
    """Have a worker bring the indexes up to date, and what search finds, if *writes* change what is wanted."""
    defined = [write for write in writes if write.entity.id == "core.custom_field"]
    if any(_concerns_indexes(write) for write in defined):
        writer.enqueue(INDEX_CUSTOM_FIELDS)
    if any(_concerns_search(write) for write in defined):
        writer.enqueue(MAKE_SEARCH_INDEX)


def _concerns_indexes(write: Write) -> bool:
    if write.kind == "update":
        return write.changes("indexed") or write.changes("slot")
    return bool(write.get("indexed")) or write.get("type") == "reference"


def _concerns_search(write: Write) -> bool:
    if write.kind == "update":
        return write.changes("search") or (write.changes("slot") and bool(write.get("search")))
    return bool(write.get("search"))
