from __future__ import annotations

from decimal import Decimal

import pytest

from crmkit.transfer.errors import PlanError
from crmkit.transfer.plan import ColumnValue, Constant, Lookup, TextValue
from crmkit.transfer.plan_file import parse_plan, read_plan
from crmkit.transfer.template import Template

PLAN = """
name = "demo"
system = "old-crm"

[formats]
date = "%m/%d/%Y"
currency = "USD"

[files."deals.csv"]
encoding = "cp1252"
decimal = ","

[[step]]
name = "offices"
file = "teams.csv"
entity = "core.team"
external_id = "office:{office}"
distinct = "office"

[step.fields]
name = "office"

[[step]]
name = "deals"
file = "deals.csv"
entity = "sales.deal"
external_id = "{id}"
skip_empty = ["id"]
on_existing = "skip"

[step.fields]
name = { text = "{product} for {account:upper}" }
company_id = { external_id = "{account}", on_missing = "empty" }
owner_id = { find = "name", column = "agent" }
amount = { column = "value", currency_column = "currency", decimal = "." }
stage_entered_at = { first = ["closed", "opened"] }
probability = { value = 12.5 }

[step.values.product]
GTXPro = "GTX Pro"
"""


@pytest.fixture
def plan():
    return parse_plan(PLAN)


def refused(text: str) -> str:
    with pytest.raises(PlanError) as caught:
        parse_plan(text)
    assert caught.value.code == "import-plan"
    return str(caught.value)


def step(lines: str, external_id: str = "{id}") -> str:
    return f'system = "s"\n[[step]]\nfile = "a.csv"\nentity = "sales.deal"\nexternal_id = "{external_id}"\n{lines}'


def test_steps_keep_their_order_and_share_files(plan):
    assert plan.name == "demo"
    assert [step.name for step in plan.steps] == ["offices", "deals"]
    assert [file.name for file in plan.files] == ["teams.csv", "deals.csv"]


def test_each_way_to_give_a_value_is_understood(plan):
    sources = {field.field: field.source for field in plan.steps[1].fields}

    assert isinstance(sources["name"], TextValue)
    assert isinstance(sources["company_id"], Lookup)
    assert (sources["company_id"].system, sources["company_id"].on_missing) == ("old-crm", "empty")
    assert (sources["owner_id"].by, sources["owner_id"].key.columns) == ("name", ("agent",))
    assert sources["stage_entered_at"].columns == ("closed", "opened")
    assert sources["probability"] == Constant(Decimal("12.5"))
    assert isinstance(sources["amount"], ColumnValue)


def test_formats_of_plan_file_and_column_build_on_each_other(plan):
    formats = next(f.source.formats for f in plan.steps[1].fields if f.field == "amount")

    assert (formats.currency, formats.date, formats.decimal) == ("USD", ("%m/%d/%Y",), ".")
    assert plan.steps[1].file.formats.decimal == ","
    assert plan.steps[0].file.formats.decimal == "."


def test_a_step_knows_every_column_that_it_reads(plan):
    assert plan.steps[0].columns == ("office",)
    assert set(plan.steps[1].columns) == {*"id product account agent value currency closed opened".split()}


def test_a_plan_without_a_name_is_named_after_its_folder(tmp_path):
    path = tmp_path / "spring" / "plan.toml"
    path.parent.mkdir()
    path.write_text(step(""), encoding="utf-8")

    assert read_plan(path).name == "spring"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sistem = 's'", "plan: unknown key 'sistem'; did you mean 'system'?"),
        ("zzz = 1", "plan: unknown key 'zzz'; accepted: name, system, formats, files, step"),
        ("a = [", "plan: no TOML: "),
        ("system = 3", "plan, system: expected a text, got 3"),
        ("", "plan, step: is missing"),
        ("step = [1]", "plan, step 1: expected a table"),
        ("[[step]]\nfile = 'a.csv'", "plan, step 1.entity: is missing"),
        ("[formats]\ndecimal = ';'", "plan, formats.decimal: '.' or ',', got ';'"),
        ("[formats]\nthousands = '.'", "one character other than the decimal separator"),
        ("[formats]\ndate = 'mm/dd'", "a pattern that reads a whole date, such as '%m/%d/%Y', got 'mm/dd'"),
        ("[formats]\ndate = '%Q'", "a pattern that reads a whole date, such as '%m/%d/%Y', got '%Q'"),
        ("[formats]\ndate = '%m/%d'", "a pattern that reads a whole date, such as '%m/%d/%Y', got '%m/%d'"),
        ("[formats]\ndate = '%d.%m.%Y %'", "a pattern that reads a whole date, such as '%m/%d/%Y', got"),
        ("[formats]\ndatetime = '%Y-%m-%d %I:%M'", "such as '%m/%d/%Y %H:%M', got '%Y-%m-%d %I:%M'"),
        ("[formats]\ntimezone = 'Mars/Olympus'", "a time zone such as 'Europe/Berlin'"),
        ("[formats]\ncurrency = 'euro'", "an ISO 4217 code such as 'EUR', got 'euro'"),
        (step("feilds = {}"), "step 1: unknown key 'feilds'; did you mean 'fields'?"),
        (step("on_new = 'update'"), "(sales.deal).on_new: one of create, skip, refuse, got 'update'"),
        ("[[step]]\nfile = 'a.csv'\nentity = 'e.f'", "step 1 (e.f).external_id: is missing"),
        (step("distinct = 3"), "(sales.deal).distinct: expected a text or a list of texts, got 3"),
        (step("", "fixed"), "names no column"),
        (step("", "{id"), "(sales.deal).external_id: an open brace in '{id'"),
        (step("[step.fields]\nname = 3"), "(sales.deal).fields.name: expected a column's name or a table"),
        (
            step("[step.fields]\nname = { colunm = 'x' }"),
            "fields.name: unknown key 'colunm'; did you mean 'column'?",
        ),
        (
            step("[step.fields]\nname = { column = 'x', value = 1 }"),
            "fields.name: needs one of column, first, text",
        ),
        (
            step("[step.fields]\nname = { column = 'x', dafault = 1 }"),
            "unknown key 'dafault'; did you mean 'default'?",
        ),
        (step("[step.fields]\nx_id = { find = 'name' }"), "fields.x_id.column: is missing"),
        (step("[step.values.product]\nA = 1"), "values.product.A: expected a text, got 1"),
        (
            step("") + "[[step]]\nfile = 'a.csv'\nentity = 'sales.deal'\nexternal_id = '{x}'",
            "two steps are named 'sales.deal'",
        ),
        (step("") + "[files.'b.csv']", "no step reads the file 'b.csv'"),
        ("[[step]]\nfile = 'a'\nentity = 'e.f'\nexternal_id = '{x}'", "(e.f).system: is missing; state it here"),
    ],
)
def test_a_mistake_in_a_plan_is_named_with_its_place(text, message):
    assert message in refused(text)


def test_a_missing_plan_is_named(tmp_path):
    with pytest.raises(PlanError, match=r"plan\.toml: there is no such file$"):
        read_plan(tmp_path / "plan.toml")


def test_a_plan_that_is_no_text_file_says_what_it_is(tmp_path):
    (tmp_path / "plan.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(PlanError, match=r"plan\.toml: is not UTF-8$"):
        read_plan(tmp_path / "plan.toml")
    with pytest.raises(PlanError, match="cannot be read: Is a directory$"):
        read_plan(tmp_path)


@pytest.mark.parametrize(
    "pattern",
    ["%Y-%m-%d", "%d.%m.%y", "%d %b %Y", "%B %d, %Y", "%Y年%m月%d日", "%A %x", "%G-W%V-%u", "%Y-%j", "%Y%m%d"],
)
def test_a_pattern_that_reads_a_whole_date_is_taken(pattern):
    made = parse_plan(step(f"[formats]\ndate = '{pattern}'"))
    assert made.steps[0].file.formats.date == (pattern,)


@pytest.mark.parametrize(
    "pattern", ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S.%f%z", "%m/%d/%Y %I:%M %p", "%c", "%Y-%m-%d", "%d.%m.%Y %H Uhr"]
)
def test_a_pattern_that_reads_a_whole_moment_is_taken(pattern):
    made = parse_plan(step(f"[formats]\ndatetime = '{pattern}'"))
    assert made.steps[0].file.formats.datetime == (pattern,)


@pytest.mark.parametrize(
    ("template", "row", "text"),
    [
        ("office:{office}", {"office": "West"}, "office:West"),
        ("{name:slug}@example.com", {"name": "Mei-Mei Jöhns"}, "mei-mei-johns@example.com"),
        ("{name:slug}", {"name": "王 伟"}, "王-伟"),
        ("{a:lower}-{b:upper}", {"a": "X", "b": "y"}, "x-Y"),
        ("{{{a}}}", {"a": "1"}, "{1}"),
        ("{Date: created}", {"Date: created": "now"}, "now"),
        ("{a}/{b}", {"a": "1", "b": ""}, None),
    ],
)
def test_a_template_is_filled_or_empty(template, row, text):
    assert Template.parse(template, "plan").fill(row) == text


def test_a_template_for_text_leaves_out_what_is_empty():
    template = Template.parse("{first} {last}", "plan")

    assert template.fill_partly({"first": "", "last": "Li"}) == "Li"
    assert template.fill_partly({"first": "", "last": ""}) is None
