"""A rule means one thing: in memory, on SQLite, on PostgreSQL, and to an evaluator that shares no code with them."""

import attrs
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, assume, given, settings

from crmkit.core.rules import ast
from crmkit.core.rules.check import check
from crmkit.core.rules.errors import RuleError
from crmkit.core.rules.rule import Rule
from crmkit.core.rules.sql import compile_rule, parameters
from tests.core.rules import naive
from tests.core.rules.strategies import conditions
from tests.core.rules.test_memory import LARGE as CALCULATIONS, ON_NOTHING, TRUE
from tests.core.rules.test_reference import EXAMPLES as REFERENCE
from tests.core.rules.world import DEALS, NOBODY, SHANGHAI, TWINS, Fields, Source

MANY = settings(
    max_examples=200, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)  # fmt: skip
VERY_MANY = settings(MANY, max_examples=4000)


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
    """Return the ids for which the rule holds, and those for which its negation does.

    Both must come out the same where relations are looked up row by row, and moment and constants are left open.
    """
    conditions = [
        compile_rule(rule, Source(), when, negated=negated, row_by_row=is_open, open_constants=is_open)
        for is_open, when in ((False, moment), (True, None))
        for negated in (False, True)
    ]
    given = {**rule.constant_values, **parameters(rule, moment)}
    rows = connection.execute(sa.select(DEALS.c.id, *conditions), given).all()
    holds, fails, holds_open, fails_open = ({row[0] for row in rows if row[place]} for place in range(1, 5))
    assert (holds_open, fails_open) == (holds, fails), f"{connection.dialect.name}: {rule.rule}"
    return holds, fails


def agree(node, world, *connections):
    rule = checked(node)
    all_ids = {row["id"] for row in world.rows}
    for moment in (SHANGHAI, NOBODY) if rule.uses_moment else (SHANGHAI,):
        found = in_memory(rule, world, moment)
        for connection in connections:
            name = connection.dialect.name
            assert in_sql(rule, connection, moment) == (found, all_ids - found), f"{name}: {rule.rule}"


# One rule for each thing that may go wrong, whatever hypothesis happens to draw.
EXAMPLES = [
    *TRUE,
    *ON_NOTHING,
    *CALCULATIONS,
    *REFERENCE,
    *(f"{field}.{test}({part})"
      for field in ("name", "name.lower()", "company.city", "membership.tier", "(vip ? name : company.city)")
      for test in ("contains", "startsWith", "endsWith")
      for part in ('""', '"a"', '"%"', r'"\ud7ff"', r'"\U0010ffff"', '"上"', '"ab"', "stage", "company.name", "name")),
    *(f"{left} {op} {right}"
      for left, right in (
          ("name", '"Ab"'), ("name", r'"\uffff"'), ("name", "company.city"), ("company.city", "company.parent.city"),
          ("membership.tier", '"basic"'), ("membership.tier", "name"), ("company.loyalty.level", '"none"'),
          ("count", "price"), ("price", "amount"), ("rate", "share"), ("price", "2.50001"), ("2.50001", "price"),
          ("2.5", "price"), ("3", "count"),
          ("count", "9223372036854775807"), ("count", "-9223372036854775808"), ("price", "99999999999999999999.5"),
          ("-99999999999999999999.5", "price"), ("count + 1", "price"), ("count * count", "count"), ("-count", "0"),
          ("price * rate", "1.25"), ("(vip ? count : price)", "price"), ("(vip ? count : price) + 1", "2"),
          ("(vip ? count : price) - 1", "0"),
          ("count - (vip ? doubtful : rate)", "0"), ("membership.points", "10"), ("company.employees", "count"),
          ("membership.discount * 2", "1"), ("tags.size()", "1"), ("name.size()", "count"),
          ("closed_on", "today()"), ("closed_on - days(1)", "company.founded_on"), ("membership.joined_on", "today()"),
          ("membership.joined_on", "closed_on"), ("closed_on + days(100000)", 'date("9999-12-31")'),
          ("closed_at", "now() - hours(1)"), ("closed_at + hours(1)", "now()"),
          ("closed_at - days(400)", "company.since"),
          ("(vip ? closed_at : now()) + days(1)", "created_at"),
      )
      for op in ("==", "!=", "<", "<=", ">", ">=")),
]  # fmt: skip


@pytest.mark.parametrize("text", EXAMPLES)
def test_example_means_the_same_in_memory_and_on_sqlite(text, world, sqlite):
    for rule in (Rule.parse(text), Rule.parse(f"!({text})")):
        agree(rule.node, world, sqlite)
        assert all(
            check(rule, Fields()).holds(row, SHANGHAI) is naive.holds(rule.node, row, SHANGHAI) for row in world.rows
        )


@pytest.mark.long
@pytest.mark.postgresql
def test_examples_mean_the_same_in_memory_and_on_postgresql(world, postgresql):
    for text in EXAMPLES:
        agree(Rule.parse(text).node, world, postgresql)


@MANY
@given(node=conditions)
def test_rule_in_memory_means_what_the_tree_says(node, world):
    rule = checked(node)
    for moment in (SHANGHAI, NOBODY) if rule.uses_moment else (SHANGHAI,):
        assert in_memory(rule, world, moment) == {row["id"] for row in world.rows if naive.holds(node, row, moment)}


@pytest.mark.long
@MANY
@given(node=conditions)
def test_rule_means_the_same_in_memory_and_on_sqlite(node, world, sqlite):
    agree(node, world, sqlite)


@pytest.mark.long
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


def on_twins(node, entity="shop.deal"):
    """Return *node* with each field that has a twin made at run time read from there."""
    if isinstance(node, ast.Path):
        return ast.Path(tuple(_twin_parts(node.parts, entity)))
    changed = {}
    for field in attrs.fields(type(node)):
        value = getattr(node, field.name)
        if isinstance(value, ast.Node):
            changed[field.name] = on_twins(value)
        elif isinstance(value, tuple) and value and isinstance(value[0], ast.Node):
            changed[field.name] = tuple(map(on_twins, value))
    return attrs.evolve(node, **changed) if changed else node


def _twin_parts(parts, entity):
    for place, part in enumerate(parts):
        is_last = place == len(parts) - 1
        if (part if is_last else f"{part}_id") in TWINS.get(entity, ()):
            yield "custom"
        yield part
        # What plugins add stands in tables of its own.
        entity = "shop.company" if part in ("company", "parent") and entity else ""


@pytest.mark.parametrize("text", EXAMPLES)
def test_example_means_the_same_of_fields_made_at_run_time(text, world, sqlite):
    for rule in (Rule.parse(text), Rule.parse(f"!({text})")):
        node = on_twins(rule.node)
        agree(node, world, sqlite)
        moment = SHANGHAI
        assert in_memory(check(Rule(node), Fields()), world, moment) == in_memory(check(rule, Fields()), world, moment)


@pytest.mark.long
@pytest.mark.postgresql
def test_examples_mean_the_same_of_fields_made_at_run_time_on_postgresql(world, postgresql):
    for text in EXAMPLES:
        agree(on_twins(Rule.parse(text).node), world, postgresql)


@pytest.mark.long
@MANY
@given(node=conditions)
def test_rule_means_the_same_of_fields_made_at_run_time(node, world, sqlite):
    agree(on_twins(node), world, sqlite)


@pytest.mark.slow
@pytest.mark.postgresql
@MANY
@given(node=conditions)
def test_rule_means_the_same_of_fields_made_at_run_time_on_postgresql(node, world, postgresql):
    agree(on_twins(node), world, postgresql)


@settings(MANY, max_examples=100)
@given(node=conditions)
def test_sql_compiled_without_a_moment_takes_it_at_execution(node, world, sqlite):
    rule = checked(node)
    statement = sa.select(DEALS.c.id).where(compile_rule(rule, Source()))

    for moment in (SHANGHAI, NOBODY):
        assert set(sqlite.scalars(statement, parameters(rule, moment))) == in_memory(rule, world, moment)
