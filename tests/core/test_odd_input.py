"""Odd input: whatever is given to a reader or a writer, what comes back is an answer or an error with a code."""

import base64
from datetime import date
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest

from crmkit import (
    CrmkitError,
    Grant,
    Json,
    Money,
    NotFoundError,
    Record,
    Role,
    Rule,
    RuleError,
    ValidationError,
    average,
    conversion,
    count,
    cycle_times,
    entity,
    field,
    funnel,
    save_draft,
    total,
    translator,
)
from crmkit.core.policy.principal import ReasonError
from crmkit.core.reading.limits import LimitError
from crmkit.core.reading.measures import Measure, MeasureError
from crmkit.core.reading.ordering import CursorError
from crmkit.testing import both_databases
from tests.core.atelier import ROLES, Artist, Commission, Rating, atelier

_ = translator("tests")
SOME_ID = "01a2183a-32b4-7616-9943-49fd3e60a565"


def shortly(value):
    return repr(value)[:12]


NO_IDS = [5, None, "abc", "\0", "\ud800", "x" * 500, b"\0" * 16, 1.5, ()]
LIMITS = [0, -1, "2", 1.5, True, 2**70]


@entity("atelier.tally", label=_("Tally"))
class Tally(Record):
    name: str = field(default="-")
    points: int = field(default=0)
    fee: Decimal = field(default=Decimal(0))
    is_open: bool = field(default=True)
    facts: object = field(Json(), factory=dict)


SCORER = Role("atelier.scorer", _("Scorer"), [Grant("atelier.tally", ["read"], "all")])


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm(atelier(Tally, Rating, roles=[*ROLES, SCORER]), database=database, clock=clock)


@pytest.fixture
def commissions(crm, master):
    with crm.write(master) as db:
        return db.create_many(
            [Commission(title=f"c{n}", price=Money.of(n, "EUR"), due_on=date(2026, 1, 1 + n)) for n in range(5)]
        )


def cursor(order, tags, values):
    return base64.urlsafe_b64encode(msgspec.json.encode([order, tags, values])).decode().rstrip("=")


FORGED = {
    "id": ["title,id", "si", ["a", 5]],
    "id of text": ["title,id", "ss", ["a", "b"]],
    "no id": ["title,id", "s0", ["a", None]],
    "number for text": ["title,id", "iu", [5, SOME_ID]],
    "nothing for what is never empty": ["title,id", "0u", [None, SOME_ID]],
    "truth for text": ["title,id", "bu", [True, SOME_ID]],
    "NUL": ["title,id", "su", ["a\0b", SOME_ID]],
    "text for money": ["price,id", "su", ["x", SOME_ID]],
    "more than 64 bits": ["price,id", "iu", [10**30, SOME_ID]],
    "time for money": ["price,id", "tu", ["2020-01-01T00:00:00Z", SOME_ID]],
    "text for a day": ["due_on,id", "su", ["x", SOME_ID]],
    "moment for a day": ["due_on,id", "tu", ["2020-01-01T00:00:00Z", SOME_ID]],
    "decimal for a number": ["hours,id", "nu", ["1.5", SOME_ID]],
    "no decimal": ["days,id", "nu", ["NaN", SOME_ID]],
    "huge decimal": ["days,id", "nu", ["1e30", SOME_ID]],
    "a day without a zone": ["created_at,id", "tu", ["2020-01-01T00:00:00", SOME_ID]],
    "too few values": ["title,id", "u", [SOME_ID]],
    "an object": ["-id", "u", {"a": 1}],
    "tags that are no text": ["-id", 5, [SOME_ID]],
    "an unknown tag": ["-id", "z", [SOME_ID]],
}


@both_databases
@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_cursor_whose_values_do_not_fit_its_order_is_refused(crm, commissions, master, forged):
    order = forged[0]
    with crm.read(master) as db, pytest.raises(CursorError):
        db.page(Commission, order_by=order, after=cursor(*forged))


@pytest.mark.parametrize("text", ["", "e30", "MTI", "!", "ä", "\0", "WyI"])
def test_cursor_that_is_none_is_refused(crm, commissions, master, text):
    with crm.read(master) as db, pytest.raises(CursorError):
        db.page(Commission, after=text)


@pytest.mark.parametrize("limit", LIMITS, ids=shortly)
def test_limit_is_a_whole_number_from_one_on(crm, commissions, master, limit):
    with crm.read(master) as db:
        for ask in (
            lambda: db.find(Commission, limit=limit),
            lambda: db.page(Commission, limit=limit),
            lambda: list(db.stream(Commission, size=limit)),
        ):
            with pytest.raises(LimitError) as caught:
                ask()
            assert caught.value.code == "limit"


@both_databases
@pytest.mark.parametrize("reference", NO_IDS, ids=shortly)
def test_what_is_no_id_leads_to_no_record(crm, commissions, master, reference):
    with crm.read(master) as db:
        with pytest.raises(NotFoundError):
            db.get(Commission, reference)
        assert db.get_many(Commission, [reference, commissions[0].id]).keys() == {commissions[0].id}


@pytest.mark.parametrize("reference", ["\0", "\ud800", "", UUID(SOME_ID)], ids=shortly)
def test_what_is_no_name_leads_to_nobody(crm, reference):
    with pytest.raises(NotFoundError):
        crm.principal(reference)


@both_databases
@pytest.mark.parametrize("id_", NO_IDS, ids=shortly)
def test_record_is_not_created_under_what_is_no_id(crm, master, id_):
    with crm.write(master) as db, pytest.raises(ValidationError) as caught:
        db.create(Artist(id=id_, name="Ada"))
    assert [problem.field for problem in caught.value.problems] == ["id"]


@both_databases
def test_record_under_what_is_no_id_is_not_found_by_any_verb(crm, master):
    made = Artist(id="abc", name="Ada")
    with crm.write(master) as db:
        for verb in (lambda: db.update(made, name="Eve"), lambda: db.delete(made), lambda: db.history(made)):
            with pytest.raises(NotFoundError):
                verb()


@both_databases
def test_text_with_half_a_character_is_refused(crm, master):
    with crm.write(master) as db:
        for values in ({"name": "a\ud800b"}, {"name": "Ada", "notes": "\udfff"}):
            with pytest.raises(ValidationError, match="half a character"):
                db.create(Artist(**values))
        assert db.create(Artist(name="Ada 𝄞 上海")).name == "Ada 𝄞 上海"


@both_databases
@pytest.mark.parametrize(
    "value", ["a\ud800", "a\0", ["\0"], {"\0": 1}, {"a": ["b", {"c": "\0"}]}, {1: object()}], ids=shortly
)
def test_json_with_what_no_database_keeps_is_refused(crm, value):
    with crm.system("test") as db, pytest.raises(ValidationError):
        db.create(Tally(facts=value))


@both_databases
def test_json_keeps_what_only_looks_like_nul(crm):
    with crm.system("test") as db:
        made = db.create(Tally(facts={"a\\u0000": ["上海", 1, None]}))
        assert db.get(Tally, made.id).facts == {"a\\u0000": ["上海", 1, None]}


def test_what_is_no_rule_is_refused(crm, master):
    with crm.read(master) as db:
        for where in (5, ["stage"], b"stage", Commission):
            with pytest.raises(RuleError):
                db.find(Commission, where)


def test_groups_without_a_measure_are_refused(crm, master):
    with crm.read(master) as db, pytest.raises(MeasureError) as caught:
        db.aggregate(Commission, group_by=["stage"], measures={})
    assert caught.value.code == "measure"


def test_measure_is_one_of_the_functions_that_there_are(crm, master):
    with crm.read(master) as db, pytest.raises(MeasureError):
        db.aggregate(Commission, measures={"n": Measure("pg_sleep", "hours")})


def test_measure_does_not_take_the_name_of_a_group(crm, master):
    with crm.read(master) as db, pytest.raises(MeasureError):
        db.aggregate(Commission, group_by=["stage"], measures={"stage": count()})


@both_databases
def test_sums_beyond_64_bits_are_exact(crm, master):
    most = 2**63 - 1
    with crm.system("test") as db:
        db.create_many([Tally(points=most, fee=Decimal(most).scaleb(-4), name=name) for name in "aab"])
        db.create(Tally(points=-5, name="b"))
        measures = {"sum": total("points"), "fees": total("fee"), "mean": average("points")}
        groups = db.aggregate(Tally, group_by=["name"], measures=measures)
        (whole,) = db.aggregate(Tally, measures=measures)

    assert [group["sum"] for group in groups] == [2 * most, most - 5]
    assert [group["fees"] for group in groups] == [Decimal(2 * most).scaleb(-4), Decimal(most).scaleb(-4)]
    assert whole == {
        "sum": 3 * most - 5, "fees": Decimal(3 * most).scaleb(-4), "mean": Decimal(3 * most - 5) / 4
    }  # fmt: skip


# What arrives from a form, a file or a script where something else belongs.


@pytest.mark.parametrize(
    ("ask", "error", "says"),
    [
        (lambda db, made: db.transfer(made, "Ada"), "validation", "owner_id"),
        (lambda db, made: db.transfer(made, 5), "validation", "owner_id"),
        (lambda db, made: db.jobs.get("abc"), "not-found", "abc"),
        (lambda db, made: db.jobs.retry(5), "not-found", "5"),
        (lambda db, made: db.enqueue(5), "unknown-job", "5"),
        (lambda db, made: db.enqueue("core.make_match_keys", key=5), "job-arguments", "1 to 140"),
        (lambda db, made: db.enqueue("core.make_match_keys", run_at="soon"), "job-arguments", "time zone"),
        (lambda db, made: db.create(Artist(name="Eve", custom=5)), "validation", "custom"),
        (lambda db, made: db.create(Artist(name="Eve", custom={5: 5})), "validation", "custom"),
        (lambda db, made: save_draft(db, 5), "validation", "definition"),
        (lambda db, made: db.find(5), "unknown-entity", "5"),
        (lambda db, made: db.aggregate(Artist, group_by=[5], measures={"n": count()}), "unknown-field", "5"),
        (lambda db, made: db.aggregate(Artist, measures={"n": total(5)}), "unknown-field", "5"),
        (lambda db, made: db.aggregate(Artist, measures={"n": "count"}), "measure", "'count' is no measure"),
        (lambda db, made: Rule.parse(5), "rule", "5 is no rule"),
        (lambda db, made: conversion(db, Artist, []), "report", "in ascending order"),
        (lambda db, made: conversion(db, Artist, [date(2026, 1, 1)]), "report", "no moment with its zone"),
        (lambda db, made: cycle_times(db, Artist, percents=[50, 0]), "report", "0 is no whole percentage"),
        (lambda db, made: cycle_times(db, Artist, percents=[50, 50]), "report", "asked for twice"),
        (lambda db, made: cycle_times(db, Artist, by="name"), "report", "'name' is none of owner_id, team_id"),
        (lambda db, made: funnel(db, Artist, amounts="once"), "report", "'once' is none of now, then"),
        (lambda db, made: Money.of(1.5, "EUR"), "money", "money is exact"),
        (lambda db, made: Money.of("much", "EUR"), "money", "'much' is no number"),
        (lambda db, made: Money.of("NaN", "EUR"), "money", "no number"),
        (lambda db, made: Money.of("1.005", "EUR"), "money", "EUR has 2 decimal digits"),
        (lambda db, made: Money.of(1, "euro"), "money", "ISO 4217"),
        (lambda db, made: Money.of(1, None), "money", "ISO 4217"),
    ],
)
def test_what_belongs_elsewhere_is_refused_with_a_code(crm, master, ask, error, says):
    with crm.system("test") as db:
        made = db.create(Commission(title="Door"))
        with pytest.raises(CrmkitError, match=says) as caught:
            ask(db, made)
        assert caught.value.code == error


def test_what_is_no_reason_opens_no_door_and_what_is_no_name_is_nobody(crm):
    with pytest.raises(ReasonError), crm.system(5):
        pass
    with pytest.raises(NotFoundError):
        crm.principal(5)
