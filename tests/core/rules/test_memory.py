"""What each operator means, one example at a time. The tables agree with these by test_agreement."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import attrs
import pytest

from crmkit.core.fields import Target
from crmkit.core.money import Money
from crmkit.core.rules.check import check
from crmkit.core.rules.memory import Row
from crmkit.core.rules.rule import Rule
from tests.core.rules.world import ME, NOBODY, NOW, SHANGHAI, Fields

EMPTY = dict.fromkeys([*Fields().entity.fields, "doubtful"])
FULL = EMPTY | {
    "id": UUID(int=5), "owner_id": ME, "team_id": None, "name": "Straße 上海", "stage": "won", "level": "low",
    "tags": ("cold", "hot"), "count": 3, "price": Decimal("2.5000"), "rate": Decimal("0.10"),
    "amount": Money.of("1000.50", "EUR"), "vip": True, "closed_on": date(2026, 3, 16), "closed_at": NOW,
    "regarding": Target("shop.deal", UUID(int=7)),
}  # fmt: skip
BERLIN = Row({"name": "Acme", "city": "Berlin", "parent_id": None, "employees": 7})
DEAL = Row(FULL, {"company": BERLIN}, {"membership": Row({"tier": "gold", "points": None, "sponsor_id": None})})
NOTHING = Row(EMPTY)


def holds(text, row=DEAL, moment=SHANGHAI):
    return check(Rule.parse(text), Fields()).holds(row, moment)


TRUE = """
stage == "won"
stage != "lost"
!(stage == "lost")
stage in ["lost", "won"]
!(stage in [])
count < 4 && count <= 3 && count > 2 && count >= 3
5 > count
count == 3.0
price == 2.5
price < 2.50001
price > 2.49999
price != 2.50001
!(price == 2.50001)
price < 99999999999999999999.5
price > -99999999999999999999.5
count > -9223372036854775808
amount == 1000.5
amount > 1000.499
amount in [1, 1000.50, 2]
amount * rate == 100.05
price + count == 5.5
count - price == 0.5
-count == -3
-(-count) == 3
count * count * count == 27
name.contains("上") && name.contains("") && name.startsWith("Str") && name.endsWith("海")
name.lower() == "strasse 上海"
name.lower().contains("strasse")
"ABC".lower() == "abc"
name.size() == 9
name > "Str" && name < "Stz" && name < "上"
"😀" > "￿"
tags.contains("hot") && !tags.contains("hotter")
tags.size() == 2
tags == ["hot", "cold"] && tags != ["hot"] && ["cold", "hot", "hot"] == tags
vip && vip == true && vip != false && vip in [true]
true || false
true && !false
closed_on == today() && closed_on == date("2026-03-16")
closed_on - days(1) < today() && closed_on < today() + days(1)
closed_at == now() && closed_at == datetime("2026-03-16T07:30:00+08:00")
closed_at + hours(24) == now() + days(1)
closed_at in [now()]
owner_id == me()
owner_id in [me()]
owner_id == "00000000-0000-0000-0000-000000000001"
regarding != null && regarding.entity == "shop.deal" && regarding.id == "00000000-0000-0000-0000-000000000007"
company.city == "Berlin"
company.parent.city == null
membership.tier == "gold"
membership.sponsor.city == null
team_id == null
(vip ? count : 0) == 3
vip ? stage == "won" : stage == "lost"
(vip ? null : count) == null
null == null
null in [null]
!(null in [])
1 in [2, 1.0] && !(1 in [2])
1 < 2 && 1 == 1.0 && "a" != "b"
doubtful == null
""".strip().splitlines()


@pytest.mark.parametrize("text", TRUE)
def test_operator_means_what_its_example_shows(text):
    assert holds(text)
    assert not holds(f"!({text})")


# A rule, and whether it holds where every field is empty.
ON_NOTHING = {
    'stage == "won"': False,
    'stage != "won"': True,
    '!(stage == "won")': True,
    "stage == null": True,
    "stage != null": False,
    "stage in [null]": True,
    'stage in ["won", null]': True,
    '!(stage in ["won", null])': False,
    'stage in ["won"]': False,
    '!(stage in ["won"])': True,
    "stage == name": True,
    "stage != name": False,
    "stage < name": False,
    "stage <= name": False,
    "count < 5": False,
    "!(count < 5)": True,
    "count == price": True,
    "count + 1 == 1": False,
    "count + 1 != 1": True,
    "count + 1 == null": False,
    "count + 1 != null": True,
    "count + 1 == price": False,
    "-count == price": False,
    "count * 0 == 0": False,
    "count + 1 in [null]": False,
    "name.lower() == null": False,
    "name.lower() == stage": False,
    "name.size() == 0": False,
    "tags.size() == 0": False,
    'name.contains("")': False,
    '!name.contains("")': True,
    '"abc".contains(name)': False,
    'tags.contains("hot")': False,
    "tags == []": False,
    "tags == null": True,
    "vip": False,
    "!vip": True,
    "vip == false": False,
    "vip != true": True,
    "closed_on + days(1) == null": False,
    "closed_on + days(1) > today()": False,
    "owner_id == me()": False,
    "owner_id != me()": True,
    "company.city == null": True,
    'company.city != "x"': True,
    'company.city == "x"': False,
    "company.city == name": True,
    "company.employees + 1 == 1": False,
    'membership.tier == "basic"': True,
    "membership.points == 10": True,
    "membership.discount == 0.5": True,
    "membership.active": True,
    'membership.marks.contains("a")': True,
    'membership.joined_on == date("2026-03-01")': True,
    "membership.sponsor.city == null": True,
    "company.loyalty.level == null": True,
    "regarding == null": True,
    "regarding.entity == null": True,
    "(vip ? count : price) == null": True,
    "(vip ? count : price + 1) == null": False,
    "vip ? true : false": False,
}


@pytest.mark.parametrize("text", ON_NOTHING)
def test_comparison_with_nothing_is_false_and_its_negation_true(text):
    assert holds(text, NOTHING) is ON_NOTHING[text]


@pytest.mark.parametrize("text", ["owner_id == me()", "team_id == my_team()", "me() == null", "owner_id in [me()]"])
def test_nobody_owns_nothing(text):
    assert not holds(text, NOTHING, NOBODY)


LARGEST = Row(EMPTY | {"count": 2**63 - 1, "price": Decimal("922337203685477.5807"), "rate": Decimal("1.00")})
LARGE = {
    "count + 1 > 0": False,
    "!(count + 1 > 0)": True,
    "count + 1 - 1 > 0": False,
    "count - 1 > 0": True,
    "count * 2 > 0": False,
    "count * 2 < 0": False,
    "-count < 0": True,
    "-count - 1 < 0": True,
    "-count - 2 < 0": False,
    "price * 10 > 0": False,
    "count > price": True,
    "count == price": False,
    "price * rate > 0": False,
    "(vip ? price : count) > price": True,
    "(vip ? price : count) + 0 > 0": False,
}


@pytest.mark.parametrize("text", LARGE)
def test_calculation_beyond_64_bits_makes_its_comparison_false(text):
    assert holds(text, LARGEST) is LARGE[text]


def test_money_of_another_currency_is_compared_by_its_base_value():
    row = Row(EMPTY | {"amount": Money.of("500", "JPY"), "amount_base": 312})

    assert holds("amount == 3.12", row)


def test_date_may_be_moved_beyond_the_calendar():
    last = Row(EMPTY | {"closed_on": date.max, "closed_at": datetime.max.replace(tzinfo=UTC)})

    assert holds("closed_on + days(100) > closed_on && closed_at + hours(1) > closed_at", last)


def test_today_is_the_day_of_the_principal():
    row = Row(EMPTY | {"closed_on": date(2026, 3, 16)})

    assert holds("closed_on == today()", row, SHANGHAI)
    assert not holds("closed_on == today()", row, NOBODY)


def test_moment_near_the_end_of_time_stops_there():
    late = attrs.evolve(SHANGHAI, now=datetime(9999, 12, 31, tzinfo=UTC), today=date(9999, 12, 31))

    assert late.value("now", timedelta(days=99)) == datetime.max.replace(tzinfo=UTC)
    assert late.value("today", timedelta(days=99)) == date.max
