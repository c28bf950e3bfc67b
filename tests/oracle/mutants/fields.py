"""Faults in which fields exist for whom."""

from __future__ import annotations

import attrs

from crmkit.core import ledger, model as model_module
from crmkit.core.errors import ForbiddenError
from crmkit.core.policy import access, rule_sources
from crmkit.core.policy.access import Access
from crmkit.core.policy.rule_sources import FieldScope
from crmkit.core.reading import grouped_rows, lists, ordering, reader, relations, transaction
from crmkit.core.reading.lists import Lists
from crmkit.core.reading.reader import Reader
from crmkit.core.storage.loading import make_loader
from crmkit.core.writing import writer
from crmkit.core.writing.normalise import Normaliser
from crmkit.core.writing.values import record_from_values
from tests.oracle.mutants.seeding import all_names, evolved, mutant


@mutant("readable_fields", "get_many")
def one_mask_hides_for_all_roles():
    def open_to(roles, entity, names, kinds):
        roles = list(roles)
        masked = frozenset().union(*(access._masked(role.masks, entity, kinds) for role in roles))
        return names - masked if roles else frozenset()

    yield access, "_fields_open_to", open_to


@mutant("readable_fields", "get_many")
def masks_of_roles_without_reading_open_fields():
    original = access._fields_open_to

    def resolve(self, info):
        found = original_resolve(self, info)
        everybody = original(self.roles, info.id, all_names(self, info), ("hidden",))
        return found if self.is_system else attrs.evolve(found, readable=found.readable | everybody)

    original_resolve = Access._resolve
    yield Access, "_resolve", resolve


@mutant("update", "create")
def read_only_fields_are_written():
    yield Access, "_resolve", evolved(writable=lambda a, info, found: found.readable)


@mutant("update", "create")
def hidden_fields_are_written():
    original = Normaliser._check_names

    def check(self, write, names, entity):
        return original(self, write, names, attrs.evolve(entity, readable=frozenset(names) | entity.readable))

    yield Normaliser, "_check_names", check


@mutant("readable_fields", "safe_relations", steps=["remask"] * 6)
def computed_fields_reveal_what_they_need():
    def unmasked(self, info, found):
        readers = [r for r in self.roles if any(g.entity in (info.id, "*") and "read" in g.verbs for g in r.grants)]
        return access._fields_open_to(readers, info.id, frozenset(info.computed), ("hidden",))

    yield Access, "_resolve", evolved(readable=lambda self, info, found: found.readable | unmasked(self, info, found))


@mutant("hidden_fields", "find", "pages")
def masks_are_ignored_in_order():
    yield (
        lists,
        "parse_order",
        lambda scope, info, asked: ordering.parse_order(attrs.evolve(scope, access=None), info, asked),
    )


@mutant("hidden_fields", "find", "count")
def masks_are_ignored_in_filters():
    yield transaction, "check", lambda rule, scope: rule_sources.check(rule, attrs.evolve(scope, access=None))


@mutant("paths_to_hidden_fields", "find", "count")
def masks_are_ignored_behind_references():
    original = FieldScope.related
    yield FieldScope, "related", lambda self, relation: attrs.evolve(original(self, relation), access=None)


@mutant("find", "count", "hidden_fields", "expand")
def masked_references_are_followed():
    original = FieldScope.related
    yield (
        FieldScope,
        "related",
        lambda self, relation: attrs.evolve(original(attrs.evolve(self, access=None), relation), access=self.access),
    )


@mutant("aggregate", "hidden_fields")
def masks_are_ignored_in_groups():
    yield grouped_rows, "FieldScope", lambda registry, info, access: FieldScope(registry, info)


@mutant("history")
def masks_are_ignored_in_history():
    original = ledger.read_history

    def history(connection, schema, record, names, visibility):
        return original(connection, schema, record, _Everything(), visibility)

    yield reader, "read_history", history


class _Everything(dict[str, str]):
    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return name


@mutant("safe_relations", "statements")
def masks_are_ignored_in_safe_relations():
    original = relations._columns
    yield relations, "_columns", lambda seen, info, table, readable: original(seen, info, table, frozenset(info.fields))


@mutant("extensions")
def masks_are_ignored_in_extensions():
    def loader(info, readable, *rest):
        mine = {f"{info.extends_as}.{name}" for name in info.fields} if info.host else set()
        return make_loader(info, readable | mine, *rest)

    yield model_module, "make_loader", loader


@mutant("create", "update", "transfer")
def masks_are_ignored_in_what_writes_return():
    yield (
        writer,
        "record_from_values",
        lambda info, readable, values: record_from_values(info, frozenset(info.fields), values),
    )


@mutant("get_by_number", steps=["wait"] * 4)
def hidden_number_still_finds():
    def by_number(self, info, number):
        trusted = Reader(self.model, self._held, self.model.system_access)
        found = trusted.find(info.cls, getattr(info.cls.f, info.number.name) == number) if info.number else []
        return self._by_ids(info, [record.id for record in found]) if found else []

    yield Lists, "_by_number", by_number


@mutant("hidden_fields", "find")
def hidden_field_is_named_in_the_refusal():
    def readable(self, name):
        if self.access is None or FieldScope_is_readable(self, name):
            return True
        if name in self.entity.fields:
            raise ForbiddenError(self.entity.id, "read", name)
        return False

    FieldScope_is_readable = FieldScope._is_readable
    yield FieldScope, "_is_readable", readable
