"""Faults in what is kept between requests: accesses, epochs, statements, and what these are given."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit.core.policy import people
from crmkit.core.policy.access import Access
from crmkit.core.policy.access_cache import AccessCache
from crmkit.core.reading.aggregates import Question
from crmkit.core.rules import parameters
from crmkit.core.rules.check import CheckedRule
from crmkit.core.rules.parameters import RunValues
from crmkit.core.writing import writer
from tests.oracle.mutants.seeding import mutant


@mutant("everything", steps=["share"] * 6)
def sharing_raises_no_epoch():
    yield writer, "ACCESS_ENTITIES", people.ACCESS_ENTITIES - {"core.share"}


@mutant("everything", steps=["assign"] * 4)
def assignment_raises_no_epoch():
    yield writer, "ACCESS_ENTITIES", people.ACCESS_ENTITIES - {"core.assignment"}


@mutant("readable_fields", steps=["remask"] * 6)
def masking_raises_no_epoch():
    yield writer, "ACCESS_ENTITIES", people.ACCESS_ENTITIES - {"core.mask"}


@mutant("everything", steps=["move_team"] * 6)
def moving_a_team_raises_no_epoch():
    yield writer, "ACCESS_ENTITIES", people.ACCESS_ENTITIES - {"core.team"}


@mutant("count", steps=["change_user"] * 6)
def inactive_users_keep_access():
    original = AccessCache._alive

    def alive(self, entity, *columns):
        if "is_active" not in columns:
            return original(self, entity, *columns)
        table = self._schema.tables["core_user"]
        active = sa.true().label("is_active")
        return sa.select(*(active if name == "is_active" else table.c[name] for name in columns))

    yield AccessCache, "_alive", alive


@mutant("everything", steps=["assign"] * 3)
def statements_serve_other_roles():
    yield Access, "shape", property(lambda self: (self.is_system, len(self.teams), len(self.subtree), self.shared))


@mutant("everything", steps=["join"] * 3)
def statements_serve_other_numbers_of_teams():
    yield Access, "shape", property(lambda self: (self.is_system, self.roles, self.shared))


@mutant("everything", steps=["share"] * 3)
def statements_serve_those_without_shares():
    yield Access, "shape", property(lambda self: (self.is_system, self.roles, len(self.teams), len(self.subtree)))


@mutant("everything", steps=["imitate"] * 6)
def statements_remember_the_first_user():
    original, remembered = RunValues.__missing__, {}
    yield RunValues, "__missing__", lambda self, name: remembered.setdefault(name, original(self, name))


@mutant("count", steps=["wait"] * 6)
def statements_serve_other_conditions():
    yield CheckedRule, "shape", property(lambda self: len(self.fields))


@mutant("find", "pages", "count", steps=["wait"] * 8)
def statements_remember_the_first_constants():
    remembered = {}

    def values(self):
        mine = {name: parameters.kept(each.value, each.kind) for name, each in self.constants.items()}
        return remembered.setdefault((self.entity, self.shape), mine)

    yield CheckedRule, "constant_values", property(values)


@mutant("aggregate")
def sums_serve_other_groups():
    original = Question.key.fget
    yield Question, "key", property(lambda self: (len(self.groups), *original(self)[2:]))
