"""The doors of readers and writers that are asked over HTTP too."""

from __future__ import annotations

from collections.abc import Iterator

from tests.oracle.doors import (
    around,
    events,
    exports,
    flow,
    measures,
    merging,
    reads,
    rights,
    searches,
    verbs,
    work,
    writes,
)
from tests.oracle.doors.registry import Probe, Questioner
from tests.oracle.doors.rest.lending import http_door

__all__: list[str] = []

_LENT = (
    reads.everything, reads.find, reads.find_deleted, reads.pages, reads.get, reads.get_by_number, reads.get_many,
    reads.count, reads.expand, reads.history, around.sections, around.timeline, rights.shares, measures.aggregate,
    searches.search, flow.boards, flow.funnels_of_the_past, flow.cycles, flow.conversions, flow.visits,
    merging.merge, merging.unmerge, merging.merge_preview, merging.found_by_merged_ids,
    writes.create, writes.update, writes.delete, writes.restore, writes.transfer, writes.move, writes.share,
    exports.exported, events.events, verbs.verb_that_reads, verbs.verb_that_writes,
)  # fmt: skip
for door in _LENT:
    http_door(door)


@http_door
def jobs(q: Questioner) -> Iterator[Probe]:
    return work.jobs_with(q, ("id", "name", "state"))


http_door(work.job_changes)
