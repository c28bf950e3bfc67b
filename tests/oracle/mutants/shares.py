"""Faults in what shares give."""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from crmkit.core.policy.access import Access
from crmkit.core.policy.access_cache import AccessCache
from crmkit.core.policy.visibility import Visibility
from crmkit.core.reading import reader, shares
from crmkit.core.writing import sharing
from tests.oracle.mutants.seeding import all_names, evolved, mutant


@mutant("get_many", "readable_fields", "find")
def shares_reveal_hidden_fields():
    yield (
        Access,
        "_resolve",
        evolved(readable=lambda a, info, found: all_names(a, info) if found.shared else found.readable),
    )


@mutant("allowed_ids", "update")
def read_shares_allow_changes():
    original = Visibility._shared_ids
    yield Visibility, "_shared_ids", lambda self, info, verb: original(self, info, "read")


@mutant("allowed_ids", "find_deleted")
def write_shares_allow_deletion():
    original = Visibility._scopes

    def scopes(self, info, columns, verb):
        yield from original(self, info, columns, verb)
        if verb == "delete" and self.access.entity(info).shared:
            yield columns.id.in_(self._shared_ids(info, "update"))

    yield Visibility, "_scopes", scopes


@mutant("everything")
def shares_with_teams_are_forgotten():
    original = Visibility._shared_ids
    yield (
        Visibility,
        "_shared_ids",
        lambda self, info, verb: original(attrs.evolve(self, access=_without_teams(self.access)), info, verb),
    )


def _without_teams(given: Access) -> Access:
    return Access(given.registry, given.epoch, given.user_id, given.name, given.roles, given.home_team)


@mutant("everything")
def shares_with_teams_reach_below():
    original = Visibility._shared_ids

    def shared_ids(self, info, verb):
        reaching = attrs.evolve(self, access=_with_subtree(self.access))
        return original(reaching, info, verb)

    yield Visibility, "_shared_ids", shared_ids
    yield AccessCache, "_shared_with", lambda self, connection, user, teams: frozenset(self._registry.entities)


def _with_subtree(given: Access) -> Access:
    return Access(
        given.registry,
        given.epoch,
        given.user_id,
        given.name,
        given.roles,
        given.home_team,
        given.subtree,
        given.subtree,
    )


@mutant("everything", steps=["unshare"] * 6)
def shares_that_ended_still_count():
    def shared_ids(self, info, verb):
        share = self.schema.tables["core_share"]
        teams = [self._bind(f"team_{place}", team) for place, team in enumerate(self.access.teams)]
        levels = [share.c.level == "write"] if verb == "update" else []
        holder = sa.or_(share.c.user_id == self._me(), share.c.team_id.in_(teams))
        return sa.select(share.c.record_id).where(share.c.record_entity == info.id, holder, *levels)

    yield Visibility, "_shared_ids", shared_ids


@mutant("share", steps=["wait"] * 8)
def sharing_for_writing_needs_no_right_to_write():
    original = sharing._check_may_share
    yield sharing, "_check_may_share", lambda writer, records, known, level: original(writer, records, known, "read")


@mutant("share")
def sharing_needs_only_reading():
    yield (
        sharing,
        "_check_may_share",
        lambda writer, records, known, level: [writer.get(type(r), r.id) for r in records],
    )


@mutant("shares", steps=["share"] * 4)
def shares_tell_of_invisible_people():
    yield shares, "_seen", lambda share, visibility: iter([sa.true()])


@mutant("shares", steps=["share"] * 4)
def whoever_sees_a_record_is_told_all_its_shares():
    original = shares.read_shares

    def read_shares(connection, visibility, record, *, every):
        return original(connection, visibility, record, every=True)

    yield reader, "read_shares", read_shares


@mutant("shares", steps=["share"] * 4)
def shares_that_ended_are_told():
    yield Visibility, "counts_now", lambda self, share: share.c.deleted_at.is_(None)
