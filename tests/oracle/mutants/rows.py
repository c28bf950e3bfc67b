"""Faults in who sees which rows."""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from crmkit.core.policy import access_cache, rule_sources, visibility
from crmkit.core.policy.access import Access, VerbScope
from crmkit.core.policy.access_cache import AccessCache
from crmkit.core.policy.rule_sources import FieldScope, VisibleSource
from crmkit.core.policy.visibility import Visibility
from crmkit.core.reading.listing import Listing
from tests.oracle.mutants.seeding import mutant


@mutant("find", "count", "get_many")
def team_scope_reaches_below():
    yield Access, "team_ids", lambda self, level: self.subtree if level in ("team", "subtree") else ()


@mutant("find", "count", "get_many")
def subtree_scope_stops_at_own_teams():
    yield Access, "team_ids", lambda self, level: self.teams if level in ("team", "subtree") else ()


@mutant("find", "count", "get_many", "allowed_ids")
def own_scope_includes_the_team():
    yield Access, "team_ids", lambda self, level: self.subtree if level == "subtree" else self.teams


@mutant("find", "count", "get_many")
def subtree_climbs_up():
    def subtree(teams, children):
        parents = {child: parent for parent, found in children.items() for child in found}
        return tuple(dict.fromkeys([*teams, *(parents[t] for t in teams if parents.get(t))]))

    yield access_cache, "_subtree", subtree


@mutant("find", "count", "get_many")
def memberships_are_forgotten():
    yield AccessCache, "_teams_of", lambda self, connection, user, home: (home,) if home else ()


@mutant("find", "count", "get_many")
def teams_are_bound_in_another_order():
    original = Access.parameters.func

    def parameters(self):
        found = original(self)
        return found | {f"team_{n}": team for n, team in enumerate(reversed(self.subtree))}

    yield Access, "parameters", property(parameters)


@mutant("find", "count", "get_many", "allowed_ids")
def last_of_several_scopes_wins():
    def union(cls, grants):
        last = list(grants)[-1].scope
        return cls(last, ()) if isinstance(last, str) else cls(None, (last,))

    yield VerbScope, "union", classmethod(union)


@mutant("find", "count", "get_many")
def rules_of_grants_hold_everywhere():
    original = VerbScope.union.__func__
    yield (
        VerbScope,
        "union",
        classmethod(
            lambda cls, grants: original(
                cls, [attrs.evolve(g, scope="all") if not isinstance(g.scope, str) else g for g in grants]
            )
        ),
    )


@mutant("find", "count", "get_many")
def rules_of_grants_are_evaluated_with_the_readers_eyes():
    original = Visibility._trusted

    def trusted(self, info, columns, rule):
        scope = FieldScope(self.registry, info)
        source = VisibleSource(self, info, columns)
        if any(part in rule.text for part in ("parent", "deal.", "firm.")):
            return rule_sources.compile_rule(rule_sources.check(rule, scope), source, self.moment)
        return original(self, info, columns, rule)

    yield Visibility, "_trusted", trusted


@mutant("find", "count", "get_many")
def followed_record_may_be_invisible():
    yield Visibility, "_follows", lambda self, column, entity: sa.true()


@mutant("find", "count", "get_many")
def followed_record_may_be_deleted():
    def visible_ids(self, entity):
        info = self.registry.entities[entity]
        table = self.schema.alias(info)
        return sa.select(table.c.id).where(self.predicate(info, table.c))

    yield Visibility, "visible_ids", visible_ids


@mutant("find", "count", "get_many")
def target_of_any_reference_may_be_invisible():
    yield Visibility, "_follows_any", lambda self, entity, id_, kind: sa.true()


@mutant("find", "count", "get_many")
def target_of_any_reference_is_matched_by_id_alone():
    def follows_any(self, entity, id_, kind):
        seen = [
            id_.in_(self.visible_ids(target.id)) for target in self.registry.targets(kind) if not self._sees(target)
        ]
        return sa.or_(entity.is_(None), sa.not_(sa.or_(*seen)) if seen else sa.true())

    yield Visibility, "_follows_any", follows_any


@mutant("find", "pages", "stream")
def branches_overlap():
    yield visibility._Rung, "overlaps", lambda self, later: False


@mutant("find", "pages", "stream")
def branches_forget_what_no_grant_overrides():
    original = Visibility.branches

    def branches(self, info, columns):
        rungs = list(self._rungs(info, columns))
        return [rung.condition for rung in rungs[:1]] if len(rungs) == 1 else original(self, info, columns)

    yield Visibility, "branches", branches


@mutant("find", "count", "get_many")
def deleted_records_stay_in_lists():
    original = Listing._conditions

    def conditions(self, table):
        yield from list(original(self, table))[0 if self.deleted else 1 :]

    yield Listing, "_conditions", conditions


@mutant("find_deleted")
def bin_is_open_to_all_who_read():
    original = Listing._branches
    yield (
        Listing,
        "_branches",
        lambda self, table: [self.visibility.predicate(self.info, table.c)] if self.deleted else original(self, table),
    )


@mutant("pages", "stream")
def cursor_reaches_behind_the_wall():
    original = Listing._part

    def part(self, table, visible, segment, after):
        return original(self, table, visible if after is None else sa.true(), segment, after)

    yield Listing, "_part", part
