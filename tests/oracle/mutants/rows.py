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


@mutant("everything")
def team_scope_reaches_below():
    yield Access, "team_ids", lambda self, level: self.subtree if level in ("team", "subtree") else ()


@mutant("everything")
def subtree_scope_stops_at_own_teams():
    yield Access, "team_ids", lambda self, level: self.teams if level in ("team", "subtree") else ()


@mutant("everything", "allowed_ids")
def own_scope_includes_the_team():
    yield Access, "team_ids", lambda self, level: self.subtree if level == "subtree" else self.teams


@mutant("everything")
def subtree_climbs_up():
    def subtree(teams, children):
        parents = {child: parent for parent, found in children.items() for child in found}
        return tuple(dict.fromkeys([*teams, *(parents[t] for t in teams if parents.get(t))]))

    yield access_cache, "_subtree", subtree


@mutant("everything")
def memberships_are_forgotten():
    yield AccessCache, "_teams_of", lambda self, connection, user, home: (home,) if home else ()


@mutant("everything")
def teams_are_bound_in_another_order():
    original = Access.parameters.func

    def parameters(self):
        found = original(self)
        return found | {f"team_{n}": team for n, team in enumerate(reversed(self.subtree))}

    yield Access, "parameters", property(parameters)


@mutant("everything", "allowed_ids")
def last_of_several_scopes_wins():
    def union(cls, grants):
        last = list(grants)[-1].scope
        return cls(last, ()) if isinstance(last, str) else cls(None, (last,))

    yield VerbScope, "union", classmethod(union)


@mutant("everything")
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


@mutant("everything")
def rules_of_grants_are_evaluated_with_the_readers_eyes():
    original = Visibility._trusted

    def trusted(self, info, columns, rule):
        scope = FieldScope(self.registry, info)
        source = VisibleSource(self, info, columns)
        if any(part in rule.text for part in ("parent", "deal.", "firm.")):
            return rule_sources.compile_rule(rule_sources.check(rule, scope), source, self.moment)
        return original(self, info, columns, rule)

    yield Visibility, "_trusted", trusted


@mutant("everything")
def followed_record_may_be_invisible():
    yield Visibility, "_follows", lambda self, column, entity: sa.true()


@mutant("everything", steps=["delete"] * 4)
def followed_record_may_be_deleted():
    def leads_to_visible(self, column, info):
        table = self.schema.alias(info)
        seen = sa.select(sa.literal_column("1")).where(table.c.id == column, self.predicate(info, table.c))
        return seen.correlate_except(table).exists()

    yield Visibility, "_leads_to_visible", leads_to_visible


@mutant("everything")
def target_of_any_reference_may_be_invisible():
    yield Visibility, "_follows_any", lambda self, entity, id_, kind: sa.true()


@mutant("everything")
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


@mutant("everything")
def deleted_records_stay_in_lists():
    original = Listing._kept
    yield Listing, "_kept", lambda self, table: original(self, table) if self.deleted else sa.true()


@mutant("find_deleted")
def bin_is_open_to_all_who_read():
    yield Listing, "_predicate", lambda self, table: self.visibility.predicate(self.info, table.c)


@mutant("pages", "stream")
def cursor_reaches_behind_the_wall():
    original = Listing._part

    def part(self, table, conditions, stretch):
        return original(self, table, conditions if stretch.after is None else conditions[1:], stretch)

    yield Listing, "_part", part
