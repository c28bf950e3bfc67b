from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, strategies as st

from crmkit.core import fields
from crmkit.core.fields import Option, Refused
from crmkit.core.money import Money
from crmkit.core.text import Text
from crmkit.transfer.cells import cell_text
from crmkit.transfer.convert import converter
from crmkit.transfer.plan import Formats

GERMAN = Formats(date=("%d.%m.%Y",), decimal=",", thousands=".", currency="EUR", timezone="Europe/Berlin")
AMERICAN = Formats(date=("%m/%d/%Y",), thousands=",", currency="USD")
PLAIN = Formats()
LEVEL = fields.Choice([Option("low", Text("Low level")), Option("high", Text("High level"))])


def convert(type, cell, formats=PLAIN):
    return converter(type, formats)(cell)


def refusal(type, cell, formats=PLAIN) -> str:
    with pytest.raises(Refused) as caught:
        convert(type, cell, formats)
    return caught.value.message.format(**caught.value.facts)


@pytest.mark.parametrize(
    ("type", "cell", "formats", "value"),
    [
        (fields.Integer(), "1200", PLAIN, 1200),
        (fields.Integer(), " -7 ", PLAIN, -7),
        (fields.Integer(), 7, PLAIN, 7),
        (fields.Integer(), "1,200", AMERICAN, 1200),
        (fields.Integer(), "5.0", PLAIN, 5),
        (fields.Decimals(), "1100.04", PLAIN, Decimal("1100.04")),
        (fields.Decimals(), "1.100,04", GERMAN, Decimal("1100.04")),
        (fields.Decimals(), Decimal("1100.04"), GERMAN, Decimal("1100.04")),
        (fields.Decimals(), "1 100,5", Formats(decimal=",", thousands=" "), Decimal("1100.5")),
        (fields.Decimals(), "1\u202f100", Formats(thousands=" "), Decimal(1100)),
        (fields.Decimals(), "+3", PLAIN, Decimal(3)),
        (fields.MoneyType(), "550", AMERICAN, Money.of(550, "USD")),
        (fields.MoneyType(), "$1,200.50", AMERICAN, Money.of("1200.50", "USD")),
        (fields.MoneyType(), "-$5", AMERICAN, Money.of(-5, "USD")),
        (fields.MoneyType(), "1.200,50 €", GERMAN, Money.of("1200.50", "EUR")),
        (fields.MoneyType(), "CNY 88", AMERICAN, Money.of(88, "CNY")),
        (fields.MoneyType(), "88元", Formats(currency="CNY"), Money.of(88, "CNY")),
        (fields.MoneyType(), 550, AMERICAN, Money.of(550, "USD")),
        (fields.Boolean(), "Yes", PLAIN, True),
        (fields.Boolean(), "否", PLAIN, False),
        (fields.Boolean(), True, PLAIN, True),
        (fields.Boolean(), 0, PLAIN, False),
        (fields.Date(), "3/1/2017", AMERICAN, date(2017, 3, 1)),
        (fields.Date(), "2017-03-01", AMERICAN, date(2017, 3, 1)),
        (fields.Date(), "01.03.2017", GERMAN, date(2017, 3, 1)),
        (fields.Date(), date(2017, 3, 1), PLAIN, date(2017, 3, 1)),
        (fields.Date(), datetime(2017, 3, 1), PLAIN, date(2017, 3, 1)),  # noqa: DTZ001
        (fields.DateTime(), "2017-03-01T10:00:00Z", PLAIN, datetime(2017, 3, 1, 10, tzinfo=UTC)),
        (fields.DateTime(), "2017-03-01 10:00", GERMAN, datetime(2017, 3, 1, 9, tzinfo=UTC)),
        (fields.DateTime(), "01.07.2017", GERMAN, datetime(2017, 6, 30, 22, tzinfo=UTC)),
        (fields.DateTime(), date(2017, 7, 1), GERMAN, datetime(2017, 6, 30, 22, tzinfo=UTC)),
        (LEVEL, "HIGH", PLAIN, "high"),
        (LEVEL, "low level", PLAIN, "low"),
        (fields.MultiChoice(["b", "a"]), "b; a;b", PLAIN, ("a", "b")),
        (fields.Text(), 12, PLAIN, "12"),
        (fields.Text(), Decimal("1.5"), PLAIN, "1.5"),
        (fields.Json(), '{"a": [1]}', PLAIN, {"a": [1]}),
        (
            fields.File(),
            "018f4e1c-6a70-7c3e-9d51-0f2b7a1c9e44",
            PLAIN,
            UUID("018f4e1c-6a70-7c3e-9d51-0f2b7a1c9e44"),
        ),
    ],
)
def test_a_cell_becomes_the_value_of_its_field(type, cell, formats, value):
    found = convert(type, cell, formats)

    assert found == value
    assert found.__class__ is value.__class__


def test_a_column_may_count_millions():
    millions = Formats(currency="USD", factor=Decimal(1_000_000))

    assert convert(fields.Integer(), "1.5", millions) == 1_500_000
    assert convert(fields.MoneyType(), Decimal("1100.04"), millions) == Money.of(1_100_040_000, "USD")


@pytest.mark.parametrize(
    ("type", "cell", "formats", "message"),
    [
        (fields.Integer(), "twelve", PLAIN, "'twelve' is no number, such as 1200.50"),
        (fields.Integer(), "1.5", PLAIN, "'1.5' is no whole number, such as 1200"),
        (fields.Integer(), True, PLAIN, "'true' is no number"),
        (fields.Integer(), "٣", PLAIN, "is no number"),
        (fields.Decimals(), "1.5", GERMAN, "'1.5' is no number, such as 1.200,50"),
        (fields.Decimals(), "12,34", AMERICAN, "'12,34' is no number, such as 1,200.50"),
        (fields.Decimals(), "1,5", PLAIN, "is no number"),
        (fields.Decimals(), "NaN", PLAIN, "is no number"),
        (fields.Decimals(), "1e9", PLAIN, "is no number"),
        (fields.MoneyType(), "550", PLAIN, "'550' names no currency; state currency"),
        (fields.MoneyType(), "5 €", AMERICAN, "'5 €' names no currency"),
        (fields.MoneyType(), "EUR 5 USD", AMERICAN, "is no amount of money"),
        (fields.MoneyType(), "1.234", AMERICAN, "USD has 2 decimal digits"),
        (fields.Boolean(), "maybe", PLAIN, "'maybe' is no yes or no"),
        (fields.Date(), "13/1/2017", AMERICAN, "'13/1/2017' is no date, such as 11/22/2026, 2026-11-22"),
        (fields.Date(), "2017-02-30", PLAIN, "is no date"),
        (fields.Date(), "20170301", PLAIN, "is no date"),
        (fields.DateTime(), "2017-03-01 10:00", PLAIN, "has no time zone; state timezone in the plan"),
        (LEVEL, "middle", PLAIN, "'middle' is none of low, high"),
        (fields.File(), "x", PLAIN, "'x' is no id"),
        (fields.Json(), "{", PLAIN, "is no JSON"),
    ],
)
def test_a_cell_that_does_not_fit_says_what_would(type, cell, formats, message):
    assert message in refusal(type, cell, formats)


def test_a_long_value_is_shown_shortened():
    assert len(refusal(fields.Integer(), "x" * 10_000)) < 200


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4), st.sampled_from([PLAIN, GERMAN, AMERICAN]))
def test_a_number_survives_the_error_file(number, formats):
    assert convert(fields.Decimals(), cell_text(number, formats.decimal), formats) == number


@given(st.dates() | st.datetimes() | st.booleans() | st.integers(), st.sampled_from([GERMAN, AMERICAN]))
def test_a_workbook_cell_survives_the_error_file(cell, formats):
    type = {date: fields.Date(), bool: fields.Boolean(), int: fields.Integer()}.get(type_of(cell), fields.DateTime())
    zoned = Formats(**{**formats_dict(formats), "timezone": "UTC"})

    assert convert(type, cell_text(cell, formats.decimal), zoned) == convert(type, cell, zoned)


def type_of(cell):
    return cell.__class__


def formats_dict(formats):
    return {name: getattr(formats, name) for name in ("date", "datetime", "decimal", "thousands", "currency")}
