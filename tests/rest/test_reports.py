"""What records add up to over HTTP: the same numbers as a reader gives, of what the principal may see."""

from datetime import timedelta

import pytest

from crmkit import Money, count, funnel, total
from crmkit.plugins.customers.entities import Company
from crmkit.plugins.sales.entities import Deal
from crmkit.testing import both_databases

DEALS = "/api/v1/sales/deals"


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm("sales", database=database, clock=clock)


@pytest.fixture
def anna(people):
    return people.user("Anna", team="North", roles=["sales.agent"])


@pytest.fixture
def otto(people):
    return people.user("Otto", team="South", roles=["sales.agent"])


@pytest.fixture
def deals(crm, anna, otto, clock):
    """Five deals of Anna, of which two went on after a day, and one of Otto."""
    with crm.write(otto) as db:
        db.create(Deal(name="Foreign", amount=Money.of(1000, "EUR")))
    with crm.write(anna) as db:
        company = db.create(Company(name="Acme", city="上海"))
        made = [Deal(name=f"Deal {n}", amount=Money.of(n, "EUR"), company_id=company.id) for n in range(5)]
        made = db.create_many(made)
    clock.advance(days=1)
    with crm.write(anna) as db:
        db.move_many(made[:2], "engaging")
    return made


def items(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


@both_databases
def test_aggregate_is_what_the_reader_adds_up(api, crm, anna, deals):
    answer = api("GET", f"{DEALS}/aggregate?group_by=stage&measures=count,sum.amount", anna)
    with crm.read(anna) as db:
        rows = db.aggregate(Deal, group_by="stage", measures={"n": count(), "sum": total("amount")})
    assert items(answer) == [
        {"group": {"stage": row["stage"]}, "measures": {"count": row["n"], "sum.amount": format(row["sum"], "f")}}
        for row in rows
    ]
    assert {item["group"]["stage"]: item["measures"]["count"] for item in items(answer)} == {
        "engaging": 2,
        "prospecting": 3,
    }
    assert answer.json()["currency"] == crm.config.company.currency


def test_aggregate_takes_rules_and_conditions(api, anna, deals):
    one = api("GET", f'{DEALS}/aggregate?filter=company.city=="上海"&amount__gte=2&measures=count,avg.amount', anna)
    assert items(one) == [{"group": {}, "measures": {"count": 3, "avg.amount": "3.00"}}]
    by_city = api("GET", f"{DEALS}/aggregate?group_by=owner_id&measures=max.amount,sum_by_currency.amount", anna)
    assert items(by_city) == [
        {
            "group": {"owner_id": str(anna.user_id)},
            "measures": {
                "max.amount": "4.00",
                "sum_by_currency.amount": {"EUR": {"amount": "10.00", "currency": "EUR"}},
            },
        }
    ]


@pytest.mark.parametrize(
    "query",
    [
        "measures=median.amount",
        "measures=sum",
        "measures=",
        "measures=sum.name",
        "group_by=nosuch",
        "group_by=stage&group_by=name",
        "nosuch=1",
        "filter=stage ==",
    ],
)
def test_question_that_makes_no_sense_is_refused(api, anna, deals, query):
    assert api("GET", f"{DEALS}/aggregate?{query}", anna).status_code == 400


@both_databases
def test_funnel_tells_of_now_and_of_then(api, crm, anna, deals, clock):
    def counts(query=""):
        answer = api("GET", f"{DEALS}/funnel?{query}", anna)
        assert answer.status_code == 200, answer.text
        return {lane["slug"]: lane["count"] for lane in answer.json()["lanes"] if lane["count"]}

    assert counts() == {"prospecting": 3, "engaging": 2}
    before = (clock.now() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert counts(f"at={before}") == {"prospecting": 5}
    assert counts(f"at={before}&sums=then&sum=amount&amount__gte=2") == {"prospecting": 3}
    whole = api("GET", f"{DEALS}/funnel?sum=amount", anna).json()
    with crm.read(anna) as db:
        expected = funnel(db, Deal, amount="amount")
    assert [lane["amount"] for lane in whole["lanes"]] == [format(lane.amount, "f") for lane in expected.lanes]
    assert (whole["count"], whole["version"], whole["at"]) == (5, expected.version, None)


def test_board_tells_what_is_overdue(api, anna, deals, clock):
    clock.advance(days=31)
    lanes = api("GET", f"{DEALS}/board", anna).json()["lanes"]
    assert {lane["slug"]: lane["overdue"] for lane in lanes if lane["count"]} == {"prospecting": 3, "engaging": 0}


@pytest.mark.long
@both_databases
def test_cycle_times_and_conversion(api, anna, deals, clock):
    times = api("GET", f"{DEALS}/cycle_times?by=owner_id&percents=50", anna).json()
    assert times["stages"] == [
        {
            "what": "prospecting",
            "whose": str(anna.user_id),
            "count": 2,
            "average_seconds": 86400,
            "percentile_seconds": {"50": 86400},
        }
    ]
    start = (clock.now() - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    (cohort,) = api("GET", f"{DEALS}/conversion?starts={start}", anna).json()["cohorts"]
    assert (cohort["count"], cohort["reached"]["engaging"], cohort["rates"]["engaging"]) == (5, 2, 0.4)


@pytest.mark.parametrize(
    "path",
    [
        "funnel?at=yesterday",
        "funnel?sums=later",
        "funnel?sum=nosuch",
        "cycle_times?by=stage",
        "cycle_times?percents=x",
        "cycle_times?percents=0",
        "conversion",
        "conversion?starts=2026-03-02T00:00:00",
    ],
)
def test_report_that_makes_no_sense_is_refused(api, anna, deals, path):
    assert api("GET", f"{DEALS}/{path}", anna).status_code == 400


def test_entity_without_stages_has_no_funnel(api, anna, deals):
    for report in ("funnel", "board", "cycle_times", "conversion?starts=2026-03-02T00:00:00Z"):
        assert api("GET", f"/api/v1/customers/companies/{report}", anna).status_code == 400
