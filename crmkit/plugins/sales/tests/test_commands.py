from __future__ import annotations

from contextlib import contextmanager
from datetime import date
from decimal import Decimal

import pytest
from click.testing import CliRunner

from crmkit import Money, use_locale

from .. import commands
from ..entities import Deal


class Session:
    """The least that a surface gives to commands, as the module describes it."""

    def __init__(self, crm, person, as_json=False):
        self.crm, self.person, self.as_json = crm, person, as_json
        self.shown, self.said = [], []

    @contextmanager
    def reader(self):
        with self.crm.read(self.person) as db:
            yield db

    def show(self, data, *, columns=None):
        self.shown.append((data, columns))

    def say(self, text):
        self.said.append(text)


def run(session, *arguments):
    CliRunner().invoke(commands.cli, arguments, obj=session, catch_exceptions=False)
    return session


@pytest.fixture
def deals(crm, anna):
    with crm.write(anna) as db:
        amounts = [Money.of(amount, "EUR") for amount in (100, 50)]
        return db.create_many(
            [Deal(name="Deal", amount=amount, expected_close_on=date(2026, 4, 9)) for amount in amounts]
        )


def test_funnel_for_programs_says_which_version_of_which_pipeline_it_counts(crm, anna, deals):
    [(answer, _columns)] = run(Session(crm, anna, as_json=True), "funnel").shown

    assert {**answer, "stages": answer["stages"][:1]} == {
        "pipeline": "sales.default",
        "version": 1,
        "currency": "EUR",
        "count": 2,
        "stages": [
            {
                "stage": "prospecting",
                "label": "Prospecting",
                "kind": "open",
                "probability": 10,
                "count": 2,
                "amount": Decimal("150.00"),
                "weighted": Decimal("15.00"),
                "retired": False,
            }
        ],
    }


def test_funnel_for_people_is_a_table_in_their_language(crm, anna, deals):
    with use_locale("zh_CN"):
        session = run(Session(crm, anna), "funnel")

    assert session.said == ["流程 sales.default（版本 1）中共有 2 个商机；金额单位：EUR"]
    [(rows, columns)] = session.shown
    assert [row["label"] for row in rows] == ["初步接触", "洽谈中", "报价", "赢单", "丢单"]
    assert columns["weighted"] == "加权金额"


def test_forecast_lists_months(crm, anna, deals):
    [(answer, _columns)] = run(Session(crm, anna, as_json=True), "forecast").shown

    assert answer == {
        "currency": "EUR",
        "months": [{"month": "2026-04", "count": 2, "amount": Decimal("150.00"), "weighted": Decimal("15.00")}],
    }


def test_funnel_of_another_person_is_that_persons(crm, staff, deals):
    [(answer, _columns)] = run(Session(crm, staff.mei, as_json=True), "funnel").shown

    assert answer["count"] == 0
