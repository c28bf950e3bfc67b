"""Rules that differ only in constants share their SQL, and each brings its own values."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings

from crmkit.core.rules.check import check
from crmkit.core.rules.parameters import RunValues
from crmkit.core.rules.rule import Rule
from crmkit.core.rules.sql import compile_rule
from tests.core.rules.strategies import conditions
from tests.core.rules.test_agreement import checked
from tests.core.rules.world import DEALS, SHANGHAI, Fields, Source

SAME = [
    ('stage == "won"', 'stage == "lost"'),
    ("amount >= 1000", "amount >= 1.5"),
    ('company.city != "Berlin" || 3 < count', 'company.city != "上海" || 4 < count'),
    ("closed_at < now() - hours(1) && count == 1", "closed_at < now() - hours(1) && count == 2"),
]
OTHER = [
    ("amount >= 1000", "amount > 1000"),
    ("count == 1", "count == null"),
    ("count == 1", "price == 1"),
    ('stage == "won"', 'company.city == "won"'),
    ('stage in ["won"]', 'stage in ["won", "lost"]'),
    ('name.startsWith("a")', 'name.startsWith("b")'),
    ("closed_at < now()", "closed_at < now() - hours(1)"),
    # Where nothing was written a field of an extension has its default: the value decides how the SQL reads.
    ('membership.tier == "basic"', 'membership.tier == "gold"'),
    ("count == 1 && count == 2 || count == 3", "count == 1 && (count == 2 || count == 3)"),
]


def rule(text):
    return check(Rule.parse(text), Fields())


def sql_of(checked_rule):
    return str(compile_rule(checked_rule, Source(), open_constants=True))


@pytest.mark.parametrize(("one", "other"), SAME)
def test_rules_that_differ_in_constants_share_sql(one, other):
    assert rule(one).shape == rule(other).shape
    assert sql_of(rule(one)) == sql_of(rule(other))
    assert rule(one).constant_values != rule(other).constant_values


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_rules_that_differ_otherwise_have_another_shape(one, other):
    assert rule(one).shape != rule(other).shape


@pytest.mark.long
@given(conditions, conditions)
@settings(max_examples=300, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_one_shape_means_one_text_of_sql(one, other):
    one, other = checked(one), checked(other)
    if one.shape == other.shape:
        assert sql_of(one) == sql_of(other)
        assert one.constants.keys() == other.constants.keys()
    assert sql_of(one) == sql_of(checked(one.rule.node))


def test_values_of_the_moment_are_worked_out_when_a_statement_asks():
    asked = []
    values = RunValues(lambda: asked.append(1) or SHANGHAI, {"me": 7})
    assert values["me"] == 7
    assert not asked
    assert values["crm_now"] == SHANGHAI.now
    assert values["crm_today_minus_86400"] == SHANGHAI.today - timedelta(days=1)
    assert values["crm_now_plus_90"] == SHANGHAI.now + timedelta(seconds=90)
    assert values["crm_my_team"] == SHANGHAI.my_team
    with pytest.raises(KeyError):
        values["nosuch"]


def test_a_statement_serves_the_next_constant(sqlite, world):
    statement = sa.select(DEALS.c.id).where(compile_rule(rule("count > 1"), Source(), open_constants=True))
    for text in ("count > 1", "count > 3"):
        found = set(sqlite.scalars(statement, rule(text).constant_values))
        assert found == {row["id"] for row in world.rows if rule(text).holds(row, SHANGHAI)}
