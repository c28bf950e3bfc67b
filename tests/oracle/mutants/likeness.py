"""Faults in what somebody is told who enters what may be there already."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit.core.matching import Matcher
from crmkit.core.policy.access import Access, VerbScope
from crmkit.core.policy.visibility import Visibility
from crmkit.core.reading import matches, reader
from crmkit.core.writing import life
from tests.oracle.mutants.seeding import evolved, mutant


def _without_the_wall(changed):
    """Return a replacement of the search in which ``predicate`` is *changed* for the length of a statement."""
    original = matches._having

    def having(asking, info, names, hidden):
        before = Visibility.predicate
        Visibility.predicate = changed(before)
        try:
            return original(asking, info, names, hidden)
        finally:
            Visibility.predicate = before

    return having


@mutant("matches")
def likely_duplicates_are_found_behind_the_wall():
    original = matches.find_matches

    def find_matches(asking, info, values, but):
        found = original(asking.trusted, info, values, but)
        return matches.Matches(found.records, original(asking, info, values, but).is_hidden_one)

    yield reader, "find_matches", find_matches


@mutant("matches")
def whoever_reads_is_told_of_hidden_duplicates():
    def scopes(_access, _info, found):
        return found.scopes | {"see_duplicates": VerbScope("all", ())} if found.scope("read") else found.scopes

    yield Access, "_resolve", evolved(scopes=scopes)


@mutant("matches", steps=["wait"] * 6)
def hidden_duplicates_are_told_wherever_some_may_be():
    def changed(original):
        def predicate(self, info, columns, verb="read"):
            return sa.true() if verb == "see_duplicates" else original(self, info, columns, verb)

        return predicate

    yield matches, "_having", _without_the_wall(changed)


@mutant("matches")
def visible_duplicates_are_told_as_hidden():
    def changed(original):
        def predicate(self, info, columns, verb="read"):
            return sa.false() if verb == "read" else original(self, info, columns, verb)

        return predicate

    yield matches, "_having", _without_the_wall(changed)


@mutant("matches", steps=["wait"] * 4)
def keys_of_hidden_fields_find_duplicates():
    original = Matcher.of
    yield Matcher, "of", lambda self, values, readable=None: original(self, values)


@mutant("matches", steps=["wait"] * 6)
def hidden_duplicates_are_told_by_any_key():
    original = matches.find_matches

    def find_matches(asking, info, values, but):
        matcher = asking.model.registry.matchers[info.id]
        keys = sorted(matcher.of(values, asking.access.entity(info).readable))
        found = original(asking, info, values, but)
        may_know = bool(asking.access.entity(info).scope("see_duplicates")) and bool(keys)
        is_hidden = may_know and bool(matches._ids(asking, info, keys, but, hidden=True))
        return matches.Matches(found.records, found.is_hidden_one or is_hidden)

    yield reader, "find_matches", find_matches


@mutant("matches", steps=["update"] * 8)
def keys_stay_those_of_former_values():
    yield life, "keep_match_keys", lambda writer, writes: None


@mutant("matches", steps=["delete"] * 6)
def duplicates_are_found_in_the_bin():
    def having(asking, info, names, hidden):
        key, table = asking.model.schema.system.match_key, asking.model.schema.table(info)
        asked = [sa.bindparam(name, type_=key.c.key.type, required=True) for name in names]
        visible = sa.func.coalesce(asking.named_visibility.predicate(info, table.c), sa.false())
        told = asking.named_visibility.predicate(info, table.c, "see_duplicates")
        joined = sa.select(key.c.record_id).select_from(key.join(table, table.c.id == key.c.record_id))
        shown = sa.and_(sa.not_(visible), told) if hidden else visible
        return joined.where(key.c.entity == info.id, key.c.key.in_(asked), shown)

    yield matches, "_having", having
