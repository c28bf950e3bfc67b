"""Faults in what webhooks tell."""

from __future__ import annotations

from crmkit.plugins.webhooks.services import rendering
from tests.oracle.mutants.seeding import mutant


@mutant("webhook_payload")
def messages_are_made_of_what_nobody_may_know():
    original = rendering._known
    yield rendering, "_known", lambda theirs, positions: original(theirs.trusted, positions)


@mutant("webhook_payload")
def messages_have_the_records_as_the_system_reads_them():
    original = rendering._records
    yield rendering, "_records", lambda theirs, events: original(theirs.trusted, events)


@mutant("webhook_payload")
def messages_have_hidden_fields():
    original = rendering.represent

    def represent(theirs, records):
        read = theirs.trusted.get_many(type(records[0]), [each.id for each in records]) if records else {}
        return original(theirs.trusted, [read[each.id] for each in records])

    yield rendering, "represent", represent


@mutant("webhook_payload")
def messages_tell_events_that_hang_on_a_hidden_field():
    original = rendering._known

    def known(theirs, positions):
        seen, every = original(theirs, positions), original(theirs.trusted, positions)
        return {position: every[position] for position in seen}

    yield rendering, "_known", known
