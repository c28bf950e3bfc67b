"""Faults in many changes in one request, each for itself."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import attrs

from crmkit.core.errors import ForbiddenError, NotFoundError
from crmkit.rest.resources import batches
from tests.oracle.mutants.seeding import mutant


@mutant("http_each")
def what_is_refused_takes_its_neighbours_along():
    def find(self, run, error):
        self._refused |= {item.place: error for item in run}

    yield batches._Doing, "_find", find


@mutant("http_each")
def what_is_refused_leaves_its_half_undone():
    original = batches._Doing._find

    def find(self, run, error):
        if len(run) == 1:
            original(self, run, error)
            return
        self.do(run[: len(run) // 2])
        self._refused |= {item.place: error for item in run[len(run) // 2 :]}

    yield batches._Doing, "_find", find


@mutant("http_each")
def each_for_itself_is_done_in_any_order():
    original = batches._runs

    def runs(changes):
        return sorted(original(changes), key=lambda run: type(run[0].change).__name__)

    yield batches, "_runs", runs


@mutant("http_each")
def records_of_a_batch_have_what_the_system_reads():
    original = batches.represented

    def represented(db, records, **shown):
        stored = db.trusted.get_many(type(records[0]), [record.id for record in records]) if records else {}
        return original(db.trusted, [stored.get(record.id, record) for record in records], **shown)

    yield batches, "represented", represented


@mutant("http_each")
def item_whose_record_is_not_seen_is_forbidden():
    original = batches.described

    def described(error, locale):
        if isinstance(error, NotFoundError):
            return original(ForbiddenError("trade.deal", "update"), locale)
        return original(error, locale)

    yield batches, "described", described


@mutant("http_each")
def each_for_itself_forgets_versions():
    original = batches._stored

    def stored(db, info, changes):
        return original(db, info, [Unversioned(change) for change in changes])

    yield batches, "_stored", stored


@attrs.frozen
class Unversioned:
    """A change without the version that was seen."""

    of: Any
    version: None = None

    @property
    def id(self) -> Any:
        return self.of.id


@mutant("http_each", steps=["wait"] * 4)
def what_was_refused_is_half_done():
    original = batches._Doing.do

    def do(self, run):
        attempt, self._db.attempt = self._db.attempt, nullcontext
        try:
            original(self, run)
        finally:
            self._db.attempt = attempt

    yield batches._Doing, "do", do
