import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, strategies as st

from crmkit.core.fields import Target
from crmkit.core.money import Money
from crmkit.core.rules.build import days, hours, me, my_team, now, today, when
from crmkit.core.rules.errors import RuleError
from crmkit.core.rules.rule import Rule
from tests.core.rules.world import Deal

f = Deal.f
SOME_ID = UUID("0190a0b0-0000-7000-8000-000000000001")

WRITTEN = {
    "comparison": (f.stage == "won", 'stage == "won"'),
    "not equal": (f.stage != "won", 'stage != "won"'),
    "order": (f.count >= 5, "count >= 5"),
    "and": ((f.stage == "won") & (f.count > 5), 'stage == "won" && count > 5'),
    "or in and": (((f.vip) | (f.count < 5)) & (f.rate <= Decimal("0.5")), "(vip || count < 5) && rate <= 0.5"),
    "not": (~(f.stage == "won"), '!(stage == "won")'),
    "relation": (f.company.city == "Berlin", 'company.city == "Berlin"'),
    "relation of a relation": (f.company.parent.city.is_null(), "company.parent.city == null"),
    "extension": (f.membership.tier.is_not_null(), "membership.tier != null"),
    "in": (f.company.city.in_(["Berlin", "上海", None]), 'company.city in ["Berlin", "上海", null]'),
    "nothing": (f.stage.in_([]), "stage in []"),
    "contains": (f.name.contains('"%"'), r'name.contains("\"%\"")'),
    "starts": (f.name.lower().starts_with("a"), 'name.lower().startsWith("a")'),
    "ends": (f.name.ends_with(f.stage), "name.endsWith(stage)"),
    "size": (f.name.size() > 5, "name.size() > 5"),
    "boolean": (f.vip & ~f.company.is_key, "vip && !company.is_key"),
    "arithmetic": (f.amount * 2 + 1 - f.count > -f.rate, "amount * 2 + 1 - count > -rate"),
    "arithmetic from the left": (2 * (1 + f.count) > 10 - f.rate, "2 * (1 + count) > 10 - rate"),
    "arithmetic to the right": (f.count - (f.rate - (f.price + 1)) > 0, "count - (rate - (price + 1)) > 0"),
    "decimal": (f.rate == Decimal("5"), "rate == 5.0"),
    "large decimal": (f.rate == Decimal("5E+3"), "rate == 5000.0"),
    "negative": (f.count == -5, "count == -5"),
    "money": (f.amount >= Money.of("12.50", "EUR"), "amount >= 12.50"),
    "date": (f.closed_on < date(2026, 1, 31), 'closed_on < date("2026-01-31")'),
    "moment": (
        f.closed_at < datetime(2026, 1, 31, 9, tzinfo=timezone(timedelta(hours=8))),
        'closed_at < datetime("2026-01-31T01:00:00+00:00")',
    ),
    "now": (f.closed_at < now() - days(7), "closed_at < now() - days(7)"),
    "timedelta": (
        f.closed_at + timedelta(days=2) < now() + timedelta(hours=5),
        "closed_at + days(2) < now() + hours(5)",
    ),
    "today": (f.closed_on == today() + days(-1), "closed_on == today() + days(-1)"),
    "hours": (f.closed_at - hours(3) < now(), "closed_at - hours(3) < now()"),
    "me": ((f.owner_id == me()) | (f.team_id == my_team()), "owner_id == me() || team_id == my_team()"),
    "id": (f.company_id == SOME_ID, 'company_id == "0190a0b0-0000-7000-8000-000000000001"'),
    "target": (
        f.regarding == Target("shop.deal", SOME_ID),
        'regarding.entity == "shop.deal" && regarding.id == "0190a0b0-0000-7000-8000-000000000001"',
    ),
    "ternary": (when(f.vip, f.count, 0) > 5, "(vip ? count : 0) > 5"),
    "ternary of rules": (when(f.vip, f.count > 1, f.rate > 1), "vip ? count > 1 : rate > 1"),
    "list": (f.tags == ["hot", "cold"], 'tags == ["hot", "cold"]'),
    "a field called like a method": (f.company["size"] > 5, "company.size > 5"),
    "true": (f.vip == True, "vip == true"),  # noqa: E712
}


@pytest.mark.parametrize("name", WRITTEN)
def test_built_rule_reads_as_text_and_back(name):
    rule, text = WRITTEN[name]

    assert isinstance(rule, Rule)
    assert rule.text == text
    assert Rule(rule.node) == Rule.parse(text)


@given(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.dates(), st.uuids(),
        st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**14), max_value=10**14),
        st.datetimes(timezones=st.just(UTC)),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    )
)  # fmt: skip
def test_any_value_reads_back_as_it_was(value):
    rule = Deal.f.name == value

    assert Rule.parse(rule.text) == Rule(rule.node)


def test_rule_has_no_truth_of_its_own():
    with pytest.raises(TypeError, match="combine rules with &, | and ~"):
        bool(f.stage == "won")
    with pytest.raises(TypeError, match="combine rules with &, | and ~"):
        1 < f.count < 5  # noqa: B015


def test_rule_combines_with_rules_only():
    with pytest.raises(TypeError, match="put comparisons in parentheses"):
        (f.stage == "won") & True


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (1.5, "1.5 cannot stand in a rule. Accepted: None, bool, int, Decimal"),
        (Decimal("NaN"), "cannot stand"),
        (Decimal("1E+1000000"), "cannot stand"),
        (datetime(2026, 1, 1), "cannot stand in a rule. .*aware datetime"),  # noqa: DTZ001
        (object(), "cannot stand"),
        (timedelta(minutes=5), "no whole number of hours"),
        (b"x", "cannot stand"),
    ],
)
def test_inexact_or_foreign_value_is_refused(value, reason):
    with pytest.raises(RuleError, match=reason):
        f.name == value  # noqa: B015


def test_deep_rule_is_refused_where_it_is_built():
    value = f.count
    with pytest.raises(RuleError, match="Rule: it is nested too deeply. Accepted: 50 levels."):
        for _ in range(60):
            value = value + 1


def test_rules_are_values():
    one, same = f.stage == "won", Rule.parse("stage   ==  'won'")

    assert Rule(one.node) == same
    assert len({same, Rule(one.node)}) == 1
    assert same != "won"
    assert repr(same) == "Rule.parse('stage == \"won\"')"


def test_field_becomes_a_plain_rule():
    assert Rule.of(f.vip) == Rule.of("vip") == Rule.parse("vip")
    assert type(Rule.of(f.vip)) is Rule


def test_private_names_are_no_fields():
    assert not hasattr(f, "__deepcopy__")
    assert not hasattr(f.company, "_node_")


def test_declaring_rules_imports_neither_a_parser_nor_sqlalchemy():
    code = """
import sys
from crmkit.core.rules.build import FieldNamespace

(FieldNamespace("shop.deal").stage == "won").text
assert not {"sqlalchemy", "lark", "celpy", "crmkit.core.rules.parse"} & set(sys.modules)
"""

    subprocess.run([sys.executable, "-c", code], check=True)
