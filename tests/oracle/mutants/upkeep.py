"""Faults in what is kept between requests: accesses, epochs, statements."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit.core.policy import people
from crmkit.core.policy.access import Access
from crmkit.core.policy.access_cache import AccessCache
from crmkit.core.writing import writer
from tests.oracle.mutants.seeding import mutant


@mutant("find", "count", "get_many")
def sharing_raises_no_epoch():
    yield writer, "ACCESS_ENTITIES", people.ACCESS_ENTITIES - {"core.share"}


@mutant("find", "count", "get_many")
def assignment_raises_no_epoch():
    yield writer, "ACCESS_ENTITIES", people.ACCESS_ENTITIES - {"core.assignment"}


@mutant("readable_fields")
def masking_raises_no_epoch():
    yield writer, "ACCESS_ENTITIES", people.ACCESS_ENTITIES - {"core.mask"}


@mutant("find", "count", "get_many")
def moving_a_team_raises_no_epoch():
    yield writer, "ACCESS_ENTITIES", people.ACCESS_ENTITIES - {"core.team"}


@mutant("count")
def inactive_users_keep_access():
    original = AccessCache._alive

    def alive(self, entity, *columns):
        if "is_active" not in columns:
            return original(self, entity, *columns)
        table = self._schema.tables["core_user"]
        active = sa.true().label("is_active")
        return sa.select(*(active if name == "is_active" else table.c[name] for name in columns))

    yield AccessCache, "_alive", alive


@mutant("find", "count", "get_many")
def statements_serve_other_roles():
    yield Access, "shape", property(lambda self: (self.is_system, len(self.teams), len(self.subtree), self.shared))


@mutant("find", "count", "get_many")
def statements_serve_other_numbers_of_teams():
    yield Access, "shape", property(lambda self: (self.is_system, self.roles, self.shared))


@mutant("find", "count", "get_many")
def statements_serve_those_without_shares():
    yield Access, "shape", property(lambda self: (self.is_system, self.roles, len(self.teams), len(self.subtree)))


@mutant("find", "count", "get_many")
def statements_remember_the_first_user():
    yield Access, "uses_moment", property(lambda self: False)
