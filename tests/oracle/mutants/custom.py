"""Faults in fields that were made at run time."""

from __future__ import annotations

from crmkit.core.entity import is_custom
from crmkit.core.policy.access import Access
from crmkit.core.policy.rule_sources import FieldScope
from crmkit.core.reading import reader, relations
from crmkit.core.storage import loading
from crmkit.core.writing import life, validate
from crmkit.core.writing.normalise import Normaliser
from tests.oracle.mutants.seeding import evolved, mutant


@mutant("readable_fields", "get_many")
def masks_are_ignored_in_custom_values():
    original = loading._custom_values
    yield loading, "_custom_values", lambda info, readable: original(info, frozenset(info.custom))


@mutant("hidden_fields", "find", "count")
def masks_of_custom_fields_are_ignored_in_filters():
    original = FieldScope.field

    def field(self, name):
        return self.entity.custom[name] if name in self.entity.custom else original(self, name)

    yield FieldScope, "field", field


@mutant("find", "count", "hidden_fields", "paths_to_hidden_fields")
def masked_custom_references_are_followed():
    original = FieldScope._is_readable
    yield FieldScope, "_is_readable", lambda self, name: is_custom(name) or original(self, name)


@mutant("history")
def masks_of_custom_fields_are_ignored_in_history():
    original = reader.ledger_names
    yield (
        reader,
        "ledger_names",
        lambda fields, readable: original(fields, readable | {name for name in fields if name.startswith("custom.")}),
    )


@mutant("safe_relations", "statements")
def masks_of_custom_fields_are_ignored_in_safe_relations():
    original = relations.safe_relation

    def relation(visibility, info):
        found = visibility.access.entity(info) if info.host is None else None
        if found is not None:
            object.__setattr__(found, "readable", found.readable | frozenset(info.custom))
        return original(visibility, info)

    yield reader, "safe_relation", relation


@mutant("readable_fields", "find")
def custom_fields_open_to_everybody():
    yield Access, "_resolve", evolved(readable=lambda a, info, found: found.readable | frozenset(info.custom))


@mutant("create", steps=["wait"] * 12)
def hidden_custom_fields_are_given_to_new_records():
    yield Normaliser, "_asked_custom", lambda self, write: []


@mutant("get_many", steps=["update"] * 6)
def changes_forget_the_custom_values_that_they_do_not_mention():
    original = life.keep_custom

    def keep(write):
        if write.kind == "update":
            write.stored = {**write.stored, "custom": {}}
        original(write)

    yield life, "keep_custom", keep


@mutant("create", "update", steps=["wait"] * 8)
def custom_references_lead_anywhere():
    original = validate.references_in

    def references(registry, info, values, trusted=()):
        return (found for found in original(registry, info, values, trusted) if not is_custom(found[1]))

    yield validate, "references_in", references
