from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from crmkit import ExchangeRate, Grant, Mask, Money, UnknownFieldError, UnknownPipelineError
from crmkit.plugins.customers.entities import Company
from crmkit.testing import both_databases

from .. import services
from ..entities import Deal


def fill(db, *deals):
    """Create deals out of ``(stage, amount, expected close)``."""
    company = db.create(Company(name="Acme"))
    db.create_many(
        [
            Deal(
                name="Deal",
                company_id=company.id,
                stage=stage,
                amount=None if amount is None else Money.of(amount, "EUR"),
                expected_close_on=day,
            )
            for stage, amount, day in deals
        ]
    )


def lanes(funnel):
    return {stage.slug: (stage.count, stage.amount, stage.weighted) for stage in funnel.stages}


@both_databases
def test_funnel_counts_and_adds_up_what_the_reader_sees(crm, staff):
    with crm.write(staff.anna) as db:
        fill(db, ("engaging", "100.10", None), ("engaging", "50", None), ("prospecting", None, None))
    with crm.write(staff.mei) as db:
        fill(db, ("won", "7", None), ("lost", None, None))

    with crm.read(staff.anna) as db:
        mine = services.funnel(db)
    with crm.read(staff.admin) as db:
        all_ = services.funnel(db)
    assert (mine.pipeline, mine.version, mine.currency, mine.count, all_.count) == (
        "sales.default",
        1,
        "EUR",
        3,
        5,
    )
    assert lanes(mine) == {
        "prospecting": (1, Decimal("0.00"), Decimal("0.00")),
        "engaging": (2, Decimal("150.10"), Decimal("45.03")),
        "proposal": (0, Decimal("0.00"), Decimal("0.00")),
        "won": (0, Decimal("0.00"), Decimal("0.00")),
        "lost": (0, Decimal("0.00"), Decimal("0.00")),
    }
    assert lanes(all_)["won"] == (1, Decimal("7.00"), Decimal("7.00"))


def test_funnel_adds_up_in_the_companys_currency(crm, anna):
    with crm.system("rate") as db:
        db.create(ExchangeRate(currency="USD", valid_from=date(2025, 1, 1), rate=Decimal("0.5")))
    with crm.write(anna) as db:
        db.create_many([Deal(name="Deal", amount=Money.of(100, currency)) for currency in ("EUR", "USD")])

        assert services.funnel(db).stages[0].amount == Decimal("150.00")


def test_funnel_of_somebody_who_may_not_see_amounts_has_counts_alone(crm, staff, people):
    people.role("trainee", [Grant("sales.deal", ["read"], "all")], [Mask("sales.deal", ["amount"])])
    trainee = people.user("Trainee", roles=["trainee"])
    with crm.write(staff.anna) as db:
        fill(db, ("engaging", 100, None))

    with crm.read(trainee) as db:
        assert lanes(services.funnel(db))["engaging"] == (1, None, None)
        with pytest.raises(UnknownFieldError, match="sales.deal has no field 'amount'"):
            services.forecast(db)


def test_funnel_of_an_unknown_pipeline_says_which_there_are(crm, anna):
    with crm.read(anna) as db, pytest.raises(UnknownPipelineError, match="sales.default"):
        services.funnel(db, "sales.nosuch")


@both_databases
def test_forecast_weighs_open_deals_by_month(crm, anna):
    with crm.write(anna) as db:
        fill(
            db,
            ("prospecting", 1000, date(2026, 4, 30)),
            ("engaging", 1000, date(2026, 4, 1)),
            ("proposal", 500, date(2026, 5, 9)),
            ("engaging", None, date(2026, 5, 9)),
            ("engaging", 10, None),
            ("won", 9999, date(2026, 4, 1)),
            ("lost", 9999, date(2026, 4, 1)),
        )

        found = services.forecast(db)
    assert found.currency == "EUR"
    assert [(month.month, month.count, month.amount, month.weighted) for month in found.months] == [
        (date(2026, 4, 1), 2, Decimal("2000.00"), Decimal("400.00")),
        (date(2026, 5, 1), 2, Decimal("500.00"), Decimal("300.00")),
        (None, 1, Decimal("10.00"), Decimal("3.00")),
    ]


def test_forecast_of_nothing_is_empty(crm, anna):
    with crm.read(anna) as db:
        assert services.forecast(db).months == ()


@pytest.mark.parametrize("ask", [services.funnel, services.forecast])
def test_whoever_may_read_no_deal_is_told_so(crm, people, ask):
    with crm.read(people.user("Newcomer")) as db, pytest.raises(services.DealsHiddenError) as caught:
        ask(db)
    assert str(caught.value) == "None of your roles lets you read deals and the stages they stand in."
    assert caught.value.code == "forbidden"
