import pytest

from crmkit.core.errors import UnknownFieldError
from crmkit.core.money import Money
from crmkit.core.rules.check import check
from crmkit.core.rules.errors import RuleError, UnknownRuleFieldError
from crmkit.core.rules.rule import Rule
from tests.core.rules.world import Deal, Fields

ID = "00000000-0000-0000-0000-000000000001"
REFUSED = {
    # Kinds that do not fit.
    "stage > 5": (9, "text cannot be compared with a number. Accepted: text in quotes"),
    'amount == "x"': (11, "a number cannot be compared with text. Accepted: a number: 12.50."),
    '"x" == amount': (1, "text cannot be compared with a number"),
    'closed_on == "2026-01-31"': (14, 'Accepted: date("2026-01-31") or today().'),
    'closed_at > date("2026-01-31")': (13, 'Accepted: datetime("2026-01-31T09:00:00+00:00") or now().'),
    "closed_at > today()": (13, "a moment cannot be compared with a date"),
    "closed_on == closed_at": (14, "a date cannot be compared with a moment"),
    "vip == 1": (8, "Accepted: true or false."),
    'vip == "true"': (8, "Accepted: true or false."),
    "count == true": (10, "Accepted: a number"),
    "owner_id == 5": (13, "Accepted: an id in quotes, me() or my_team()."),
    'owner_id == "me"': (13, "'me' is no id"),
    'owner_id == "{00000000-0000-0000-0000-000000000001}"': (13, "is no id"),
    "team_id == me()": (9, "a reference to core.team never equals one to core.user"),
    "stage in [1]": (11, "text cannot be compared with a number"),
    "regarding == 5": (14, "Accepted: null; or compare its .entity and its .id."),
    f'regarding == "{ID}"': (14, "Accepted: null; or compare its .entity and its .id."),
    "(vip ? count : name) == 5": (6, "a number and text are not of one kind"),
    "(vip ? null : null) == 5": (6, "are not of one kind"),
    # Choices.
    'level == "lwo"': (10, "'lwo' is none of the choices. Did you mean 'low'?"),
    'level == "zzz"': (10, "Accepted: low, high, highest."),
    'level in ["low", "hihg"]': (18, "Did you mean 'high'?"),
    'tags.contains("warm")': (15, "'warm' is none of the choices"),
    "tags.contains(name)": (15, "one of its choices is expected, in quotes"),
    'tags == ["hot", "warm"]': (17, "'warm' is none of the choices"),
    'tags == "hot"': (9, "several choices cannot be compared with text. Accepted: a list of slugs"),
    'tags in ["hot"]': (6, "in does not go with several choices. Accepted: ==, !=, contains, size."),
    # Operators that do not fit.
    'level < "low"': (7, "< does not go with one of its choices. Accepted: ==, !=, in."),
    'level.contains("lo")': (7, "contains does not go with one of its choices"),
    "level.lower() == 'low'": (7, "lower does not go with one of its choices"),
    "vip < true": (5, "< does not go with true or false"),
    "owner_id < me()": (10, "< does not go with a reference"),
    "count.contains(5)": (7, "contains does not go with a number"),
    "name.contains(5)": (15, "contains() takes text, got a number"),
    "count.lower() == 1": (7, "lower does not go with a number"),
    "notes == null": (7, "== does not go with JSON. It cannot be compared at all."),
    "name < null": (6, "null has no order. Accepted: == null, != null."),
    "null <= null": (6, "null has no order"),
    'name in "abc"': (9, 'in needs a list. Accepted: in ["a", "b"].'),
    "name in [stage]": (10, "a list holds constants only. Write == and ||."),
    "name == [name]": (9, "text cannot equal a list. Write in."),
    "[1] == [1]": (8, "a list stands only after in"),
    "[1] in [1]": (1, "a list stands only after in"),
    "tags < ['hot']": (8, "a list stands only after in"),
    # Conditions and values.
    "name": (1, "text is no condition. Compare it, for example with == or !=."),
    "5": (1, "a number is no condition"),
    "null": (1, "null is no condition"),
    "!count": (2, "a number is no condition"),
    "vip && name": (8, "text is no condition"),
    "now()": (1, "a moment is no condition"),
    "name.lower()": (6, "text is no condition"),
    "[true]": (1, "a list stands only after in"),
    "(count == 1) == true": (8, "a condition is no value. Join conditions with &&, || and !."),
    "!vip == false": (1, "a condition is no value"),
    "count == 1 == vip": (7, "a condition is no value"),
    "(vip ? count == 1 : vip) == true": (14, "a condition is no value"),
    "1 < count < 5": (3, "a condition is no value"),
    # Calculations.
    "name + 1 > 1": (1, "cannot calculate with text"),
    "count + null > 1": (9, "cannot calculate with null"),
    "-name > 1": (2, "cannot calculate with text"),
    "count * vip > 1": (9, "cannot calculate with true or false"),
    "amount * amount > 1": (8, "money cannot be multiplied by money"),
    "price * price * rate > 1": (15, "the product has 10 digits after the point. Accepted: 9."),
    "count > 9223372036854775808": (9, "the number is too large. Accepted: whole numbers of 64 bits."),
    "count > -9223372036854775809": (9, "the number is too large"),
    "count + 99999999999999999999.5 > 1": (9, "too large to calculate with"),
    "price + 9223372036854775807 > 1": (7, "too far apart"),
    "closed_on + closed_on > today()": (1, "Accepted: numbers; dates and moments with days(7)."),
    "closed_on + 1 > today()": (1, "cannot calculate with a date"),
    "closed_on + hours(1) > today()": (13, "a date cannot be moved by hours()"),
    "count + days(1) > 1": (9, "a number cannot be moved by days()"),
    "days(1) - closed_on > today()": (1, "days() is added to or taken from a date or moment"),
    "closed_on * days(1) > today()": (1, "cannot calculate with a date"),
    "closed_on > days(1)": (13, "days() is added to"),
    "closed_on > today() + days(count)": (28, "days() takes a whole number"),
    "closed_on > today() + days(1.5)": (28, "days() takes a whole number"),
    "closed_on > today() + days(100001)": (28, "this goes too far. Accepted: 100000 days."),
    "closed_on > today() + days(100000) + days(1)": (38, "this goes too far"),
    'closed_on > date("9999-12-31") + days(1)': (34, "outside the years 1 to 9999"),
    'closed_on == date("2026-02-30")': (19, "'2026-02-30' is no date. Accepted: date(\"2026-01-31\")."),
    'closed_on == date("20260131")': (19, "is no date"),
    'closed_on == date("2026-1-31")': (19, "is no date"),
    "closed_on == date(name)": (19, "date() takes a text in quotes"),
    'closed_at == datetime("2026-01-31T00:00:00")': (23, "has no time zone. Accepted: datetime("),
    'closed_at == datetime("2026-01-31")': (23, "is no moment"),
    'closed_at == datetime("2026-01-31T25:00:00Z")': (23, "is no moment"),
    'closed_at == datetime("0001-01-01T00:00:00+08:00")': (23, "is no moment"),
    # Paths.
    "stage.x == 1": (7, "'stage' is text and has no fields"),
    "company == null": (1, "'company' is a relation and no value. Name one of its fields, or company_id."),
    "company.parent == null": (9, "'parent' is a relation and no value"),
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_meaningless_rule_is_refused_with_its_position(text):
    column, reason = REFUSED[text]

    with pytest.raises(RuleError) as caught:
        check(Rule.parse(text), Fields())

    assert reason in str(caught.value)
    assert (caught.value.line, caught.value.column) == (1, column)


@pytest.mark.parametrize(
    ("text", "column", "entity", "name"),
    [
        ("{name} == 1", 1, "shop.deal", "{name}"),
        ("vip && {name}.lower() == 'x'", 8, "shop.deal", "{name}"),
        ("false && {name} == 1", 10, "shop.deal", "{name}"),
        ("company.{name} == 1", 9, "shop.company", "{name}"),
        ("{name}.city == 1", 1, "shop.deal", "{name}"),
        ("company.{name}.city == 1", 9, "shop.company", "{name}"),
        ("membership.{name} == 1", 12, "shop.deal", "{name}"),
        ("membership.{name}.city == 1", 12, "shop.deal", "{name}"),
    ],
)
def test_hidden_field_answers_as_one_that_does_not_exist(text, column, entity, name):
    hidden = frozenset(
        (entity, field)
        for entity in ("shop.deal", "shop.company")
        for field in ("secret", "city", "parent_id", "sponsor_id")
    )

    for unknown, namespace in (
        ("nosuch", Fields()),
        ("secret", Fields(hidden=hidden)),
        ("parent", Fields(hidden=hidden)),
    ):
        with pytest.raises(UnknownRuleFieldError) as caught:
            check(Rule.parse(text.format(name=unknown)), namespace)

        assert str(caught.value) == f"Rule, column {column}: {UnknownFieldError(entity, name.format(name=unknown))}"
        assert isinstance(caught.value, UnknownFieldError)


def test_hidden_reference_hides_the_relation_behind_it():
    check(Rule.parse('company.city == "x"'), Fields())

    with pytest.raises(UnknownRuleFieldError, match="shop.deal has no field 'company'"):
        check(Rule.parse('company.city == "x"'), Fields(hidden=frozenset([("shop.deal", "company_id")])))


def test_lists_together_have_a_limit():
    rule = Deal.f.vip
    for _ in range(11):
        rule |= Deal.f.name.in_([str(number) for number in range(1000)])

    with pytest.raises(RuleError, match="its lists are too long. Accepted: 10000 values."):
        check(rule, Fields())


def test_built_rule_is_refused_without_a_position():
    with pytest.raises(RuleError, match="^Rule: text cannot be compared with a number"):
        check(Deal.f.stage > 5, Fields())


def test_money_is_compared_in_the_currency_of_the_company():
    check(Deal.f.amount > Money.of(5, "EUR"), Fields())

    with pytest.raises(RuleError, match="money is compared in EUR, got USD"):
        check(Deal.f.amount > Money.of(5, "USD"), Fields())


def test_checked_rule_tells_which_fields_and_relations_it_needs():
    text = (
        'stage == "won" && company.parent.city == "x" || membership.sponsor.name == name && regarding.entity == stage'
    )

    rule = check(Rule.parse(text), Fields())

    assert rule.fields == {
        ("shop.deal", "stage"), ("shop.deal", "company_id"), ("shop.company", "parent_id"), ("shop.company", "city"),
        ("shop.deal", "membership.sponsor_id"), ("shop.company", "name"), ("shop.deal", "name"),
        ("shop.deal", "regarding"),
    }  # fmt: skip
    assert rule.relations == {("shop.deal", "company"), ("shop.company", "parent"), ("shop.deal", "membership.sponsor")}


def test_fields_that_cannot_matter_are_needed_all_the_same():
    assert check(Rule.parse('true || name == "x"'), Fields()).fields == {("shop.deal", "name")}
    assert check(Rule.parse("price == 0.00001"), Fields()).fields == {("shop.deal", "price")}


def test_checked_rule_tells_whether_it_depends_on_the_moment():
    assert check(Rule.parse("closed_at < now()"), Fields()).uses_moment
    assert not check(Rule.parse("closed_at < created_at"), Fields()).uses_moment


def test_refusal_is_translated_sentence_by_sentence():
    with pytest.raises(RuleError) as caught:
        check(Rule.parse('level == "lwo"'), Fields())

    assert caught.value.localized("en") == "Rule, column 10: 'lwo' is none of the choices. Did you mean 'low'?"
    assert caught.value.slug == "lwo"
