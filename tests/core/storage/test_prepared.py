"""What is written at once, many rows in one statement, is what would be written row by row, whatever the driver."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from crmkit import CRM, Config, ConflictError, Database, Json, Money, MultiChoice, Record, entity, field
from crmkit.core.text import Text
from crmkit.testing import both_databases, plugin

TEXTS = ["", "plain", 'a "quoted" word', "back\\slash", "{curly, brackets}", "NULL", "上海", "Élan'; --"]
DAY, MOMENT = date(2026, 2, 28), datetime(2026, 1, 31, 23, 59, 59, 999999, tzinfo=UTC)


@entity("shelf.item", label=Text("Item"))
class Item(Record):
    name: str | None = field(default=None)
    code: str | None = field(default=None, unique=True)
    count: int | None = field(default=None)
    weight: Decimal | None = field(default=None)
    price: Money | None = field(default=None)
    is_new: bool | None = field(default=None)
    made_on: date | None = field(default=None)
    sold_at: datetime | None = field(default=None)
    tags: tuple[str, ...] | None = field(MultiChoice(["a", "b"]), default=None)
    notes: Any | None = field(Json(), default=None)


@pytest.fixture
def crm(make_crm, database):
    return make_crm(plugin("shelf", entities=[Item]), database=database)


@pytest.fixture(params=["psycopg", "pg8000"])
def any_driver(request, make_crm):
    """The CRM on PostgreSQL, through each driver."""
    shelf = plugin("shelf", entities=[Item])
    url = sa.make_url(make_crm(shelf, database="postgresql").config.database.url)
    if request.param == "pg8000" and "host" in url.query:
        url = url.set(host=None, query={"unix_sock": f"{url.query['host']}/.s.PGSQL.{url.port or 5432}"})
    url = url.set(drivername=f"postgresql+{request.param}")
    crm = CRM(Config(database=Database(url.render_as_string(hide_password=False))), plugins=[shelf])
    yield crm
    crm.close()


def items(number):
    """Return items with every kind of value, and without."""
    return [
        Item(
            name=TEXTS[n % len(TEXTS)] or None,
            code=f"c{n}" if n % 3 else None,
            count=None if n % 4 == 0 else n * 10**15,
            weight=None if n % 5 == 0 else Decimal(n) / 4,
            price=None if n % 2 else Money.of(n, "EUR"),
            is_new=[None, True, False][n % 3],
            made_on=None if n % 6 == 0 else DAY + timedelta(days=n),
            sold_at=None if n % 7 == 0 else MOMENT + timedelta(microseconds=n),
            tags=[None, (), ("a",), ("a", "b")][n % 4],
            notes=[None, {"a": [1, None, "line\nbreak"]}, [], "text"][n % 4],
        )
        for n in range(number)
    ]


def keeps_all(crm, number):
    with crm.system("test") as db:
        made = db.create_many(items(number))
        assert db.find(Item, order_by="id") == made


@both_databases
def test_many_records_come_back_as_they_were_written(crm):
    keeps_all(crm, 100)


@pytest.mark.postgresql
@pytest.mark.parametrize("number", [15, 16, 700])
def test_many_records_come_back_through_every_driver(any_driver, number):
    keeps_all(any_driver, number)


@both_databases
def test_one_row_that_is_refused_refuses_all_that_are_written_at_once(crm):
    with pytest.raises(ConflictError), crm.system("test") as db:
        db.create_many([Item(code="same" if n in (3, 40) else None) for n in range(50)])
    with crm.system("test") as db:
        assert db.count(Item) == 0
