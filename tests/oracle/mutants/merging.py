"""Faults in merging records, and in what the ids of merged records lead to."""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from crmkit.core import ledger
from crmkit.core.errors import NotFoundError
from crmkit.core.fields import Target
from crmkit.core.merging import choosing, merge, preview, unmerge
from crmkit.core.policy.people import Share
from crmkit.core.reading.lists import Lists, as_id
from crmkit.core.reading.reader import Reader
from crmkit.core.verbs import types
from tests.oracle.mutants.seeding import mutant

_MERGES = ["merge"] * 6


@mutant("merge", "merge_preview")
def merging_needs_no_right():
    yield merge, "refuse_forbidden", lambda writer, writes: None


@mutant("get", "found_by_merged_ids", steps=_MERGES)
def merged_id_shows_an_invisible_winner():
    original = Lists._merged_into

    def get(self, entity, reference):
        info = self.model.registry.entity(entity)
        trusted = Reader(self.model, self._held, self.model.system_access)
        id_ = as_id(reference)
        found = self._by_ids(info, [id_]) if id_ else self._by_number(info, reference)
        found = found or trusted._by_ids(info, original(self, info, id_, reference))
        if not found:
            raise NotFoundError(info.id, reference)
        return found[0]

    yield Lists, "get", get


@mutant("merge", "everything", steps=["share", "share", "share", *_MERGES])
def shares_of_the_loser_give_the_winner():
    original = merge._remember

    def remember(writer, winner, losers, span):
        losers = list(losers)
        original(writer, winner, losers, span)
        share = writer.model.schema.table(writer.model.registry.entity(Share))
        of_losers = (share.c.record_entity == winner.entity.id, share.c.record_id.in_([w.record_id for w in losers]))
        writer._connection.execute(sa.update(share).where(*of_losers).values(record_id=winner.record_id))

    yield merge, "_remember", remember


@mutant("found_by_merged_ids", "history", steps=_MERGES)
def history_of_the_loser_is_told_to_who_sees_the_winner():
    def history(self, record):
        info = record.__entity__
        self.get(type(record), record.id)
        fields = self.model.registry.fields(info.id)
        names, target = ledger.ledger_names(fields, self.access.entity(info).readable), Target(info.id, record.id)
        visibility, schema = self._visibility(named=False), self.model.schema
        return ledger.read_history(self._connection, schema, target, names, visibility, withheld=frozenset())

    yield Reader, "history", history


@mutant("merge_preview")
def preview_counts_hidden_references():
    yield preview, "_seen", lambda writer, writes: iter(writes)


@mutant("merge", "merge_preview")
def hidden_references_stay_behind():
    original = merge.followers

    def followers(writer, winner, losers):
        found = original(writer, winner, losers)
        return attrs.evolve(found, changes=list(preview._seen(writer, found.changes)))

    yield merge, "followers", followers


@mutant("merge", "merge_preview")
def hidden_fields_are_merged():
    original = choosing._mergeable

    def mergeable(writer, winner):
        access = writer.access.entity(winner.entity)
        every = frozenset(writer.model.registry.fields(winner.entity.id))
        object.__setattr__(access, "readable", access.readable | every)
        return original(writer, winner)

    yield choosing, "_mergeable", mergeable


@mutant("unmerge", steps=["merge"] * 6)
def telling_apart_needs_no_right_to_the_winner():
    original = unmerge._Undoing.of.__func__

    def of(cls, writer, info, id_):
        given = writer.stored_rows

        def rows(info, verb, ids):
            return {i: (row, seen, True) for i, (row, seen, _may) in given(info, verb, ids).items()}

        writer.stored_rows = rows
        try:
            return original(cls, writer, info, id_)
        finally:
            del writer.stored_rows

    yield unmerge._Undoing, "of", classmethod(of)


@mutant("unmerge", steps=["merge", "update"] * 5)
def telling_apart_overwrites_what_was_changed_since():
    yield unmerge, "is_the_same", lambda value, recorded: False


@mutant("verb_that_writes", "http_verb_that_writes", steps=_MERGES)
def verb_writes_to_what_a_merged_record_went_into():
    yield types, "is_called", lambda info, record, reference: True
