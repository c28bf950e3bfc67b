"""Faults in entities that were made at run time."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit.core.policy.access import Access, VerbScope
from crmkit.core.policy.visibility import Visibility
from crmkit.core.reading.reader import Reader
from crmkit.core.writing import validate
from tests.oracle.mutants.seeding import all_names, evolved, mutant


def _is_made(info):
    return info.id.startswith("custom.")


@mutant("everything")
def what_was_made_at_run_time_belongs_to_everybody():
    original = Visibility._scopes

    def scopes(self, info, columns, verb):
        if _is_made(info) and self.access.entity(info).scope(verb):
            yield sa.true()
        else:
            yield from original(self, info, columns, verb)

    yield Visibility, "_scopes", scopes


@mutant("everything")
def what_was_made_at_run_time_is_seen_without_what_it_follows():
    original = Visibility._follows

    def follows(self, column, entity):
        return sa.true() if "custom_project" in str(column) else original(self, column, entity)

    yield Visibility, "_follows", follows


@mutant("readable_fields", "get_many", steps=["remask"] * 4)
def masks_of_entities_made_at_run_time_are_ignored():
    def readable(access, info, found):
        return all_names(access, info) if _is_made(info) and found.readable else found.readable

    yield Access, "_resolve", evolved(readable=readable)


@mutant("allowed_ids", "update", "delete")
def whoever_reads_what_was_made_at_run_time_may_do_anything_with_it():
    def scopes(_access, info, found):
        everything = ("update", "delete", "transfer", "share")
        return found.scopes | dict.fromkeys(everything, found.scope("read")) if _is_made(info) else found.scopes

    yield Access, "_resolve", evolved(scopes=scopes)


@mutant("everything", "allowed_ids", steps=["regrant"] * 4)
def grants_of_everything_reach_what_was_made_at_run_time():
    def scopes(_access, info, found):
        return found.scopes | {"read": VerbScope("all", ())} if _is_made(info) and found.scopes else found.scopes

    yield Access, "_resolve", evolved(scopes=scopes)


@mutant("aggregate", steps=["wait"] * 8)
def sums_of_what_was_made_at_run_time_look_behind_the_wall():
    original = Reader.aggregate

    def aggregate(self, entity, **options):
        trusted = Reader(self.model, self._connection, self.model.system_access)
        return original(trusted if _is_made(entity.__entity__) else self, entity, **options)

    yield Reader, "aggregate", aggregate


@mutant("exported", steps=["wait"] * 10)
def exports_hold_what_may_only_be_read():
    yield (
        Access,
        "_resolve",
        evolved(
            scopes=lambda _a, _i, found: (
                found.scopes | ({"export": found.scope("read")} if "export" in found.scopes else {})
            )
        ),
    )


@mutant("exported", steps=["wait"] * 10)
def exports_tell_what_stands_behind_invisible_references():
    original = Reader.expand

    def expand(self, records, relation):
        return original(Reader(self.model, self._connection, self.model.system_access), records, relation)

    yield Reader, "expand", expand


@mutant("create", "update", steps=["wait"] * 10)
def references_to_what_was_made_at_run_time_lead_anywhere():
    original = validate.references_in

    def references(registry, info, values, trusted=()):
        return (found for found in original(registry, info, values, trusted) if found[2] != "custom.project")

    yield validate, "references_in", references
