"""A rule means one thing: in memory, on SQLite, on PostgreSQL, and to an evaluator that shares no code with them."""

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, assume, given, settings

from crmkit.core.rules.check import check
from crmkit.core.rules.errors import RuleError
from crmkit.core.rules.rule import Rule
from crmkit.core.rules.sql import compile_rule, parameters
from tests.core.rules import naive
from tests.core.rules.strategies import conditions
from tests.core.rules.world import DEALS, NOBODY, SHANGHAI, Fields, Source

MANY = settings(
    max_examples=700, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)  # fmt: skip
VERY_MANY = settings(MANY, max_examples=8000, derandomize=False)


def checked(node):
    rule = Rule(node)
    assert Rule.parse(rule.text) == rule, rule.text
    try:
        return check(rule, Fields())
    except RuleError:
        assume(False)


def in_memory(rule, world, moment):
    return {row["id"] for row in world.rows if rule.holds(row, moment)}


def in_sql(rule, connection, moment):
    """Return the ids for which the rule holds, and those for which its negation does."""
    holds = compile_rule(rule, Source(), moment)
    fails = compile_rule(rule, Source(), moment, negated=True)
    rows = connection.execute(sa.select(DEALS.c.id, holds, fails)).all()
    return {id for id, yes, _no in rows if yes}, {id for id, _yes, no in rows if no}


def agree(node, world, *connections):
    rule = checked(node)
    all_ids = {row["id"] for row in world.rows}
    for moment in (SHANGHAI, NOBODY) if rule.uses_moment else (SHANGHAI,):
        found = in_memory(rule, world, moment)
        for connection in connections:
            name = connection.dialect.name
            assert in_sql(rule, connection, moment) == (found, all_ids - found), f"{name}: {rule.rule}"


@MANY
@given(node=conditions)
def test_rule_in_memory_means_what_the_tree_says(node, world):
    rule = checked(node)
    for moment in (SHANGHAI, NOBODY) if rule.uses_moment else (SHANGHAI,):
        assert in_memory(rule, world, moment) == {row["id"] for row in world.rows if naive.holds(node, row, moment)}


@MANY
@given(node=conditions)
def test_rule_means_the_same_in_memory_and_on_sqlite(node, world, sqlite):
    agree(node, world, sqlite)


@pytest.mark.postgresql
@MANY
@given(node=conditions)
def test_rule_means_the_same_in_memory_and_on_postgresql(node, world, postgresql):
    agree(node, world, postgresql)


@pytest.mark.slow
@pytest.mark.postgresql
@VERY_MANY
@given(node=conditions)
def test_rule_means_the_same_everywhere_for_long(node, world, sqlite, postgresql):
    agree(node, world, sqlite, postgresql)


@settings(MANY, max_examples=100)
@given(node=conditions)
def test_sql_compiled_without_a_moment_takes_it_at_execution(node, world, sqlite):
    rule = checked(node)
    statement = sa.select(DEALS.c.id).where(compile_rule(rule, Source()))

    for moment in (SHANGHAI, NOBODY):
        assert set(sqlite.scalars(statement, parameters(rule, moment))) == in_memory(rule, world, moment)
