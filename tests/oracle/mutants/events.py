"""Faults in what is told of what was written."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit.core.policy.visibility import Visibility
from crmkit.core.reading import known_events
from crmkit.core.reading.known_events import Audience
from tests.oracle.mutants.seeding import mutant


@mutant("events")
def events_of_every_record_are_told():
    yield known_events, "_shown_ids", lambda reader, info, ids, rule=None: (set(ids), True)


@mutant("events", steps=["wait"] * 4)
def events_of_everything_in_the_bin_are_told():
    original = Visibility.shown

    def shown(self, info, columns, *, deleted=False):
        everything = sa.and_(columns.deleted_at.is_not(None), self.predicate(info, columns)) if deleted else None
        return original(self, info, columns) if everything is None else everything

    yield Visibility, "shown", shown


@mutant("events")
def names_of_hidden_fields_are_told():
    original = known_events.ledger_names
    yield known_events, "ledger_names", lambda fields, readable: original(fields, frozenset(fields))


@mutant("events")
def events_are_told_that_hang_on_a_hidden_field():
    original = known_events.FieldScope
    yield known_events, "FieldScope", lambda registry, info, access: original(registry, info)


@mutant("events")
def what_one_may_know_is_told_to_all_with_the_same_roles():
    original = known_events._shown_ids
    common = {}

    def shown_ids(reader, info, ids, rule=None):
        key = (reader.model.shape_of(reader.access), info.id, rule and rule.rule.text, *ids)
        if key not in common:
            common[key] = original(reader, info, ids, rule)[0]
        return common[key], True

    yield known_events, "_shown_ids", shown_ids


@mutant("events")
def a_page_ends_before_its_last_write():
    original = Audience.known_to
    yield Audience, "known_to", lambda self, reader: original(self, reader)[:-1]
