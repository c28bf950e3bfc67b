from __future__ import annotations

from types import SimpleNamespace

import pytest

from crmkit import Money
from crmkit.plugins.customers.entities import Company

from ..entities import Deal


@pytest.fixture
def crm(make_crm, clock, database):
    return make_crm("sales", "workspace", clock=clock, database=database)


@pytest.fixture
def staff(people):
    """Two salespeople of one office, one of another, the manager of the first, and an administrator."""
    sells = ("sales.agent", "workspace.member")
    return SimpleNamespace(
        anna=people.user("Anna", team=people.team("Berlin", "Germany"), roles=sells),
        bo=people.user("Bo", team=people.team("Berlin", "Germany"), roles=sells),
        mei=people.user(
            "梅", team=people.team("Shanghai", "China"), roles=sells, locale="zh_CN", time_zone="Asia/Shanghai"
        ),
        chief=people.user("Chief", team="Germany", roles=["sales.manager"]),
        admin=people.user("Admin", roles=["sales.admin"]),
    )


@pytest.fixture
def anna(staff):
    return staff.anna


@pytest.fixture
def new_deal():
    """Make a deal that may enter every stage."""

    def make(db, name="Pilot", amount=1000, **fields):
        company = db.create(Company(name=f"{name} Ltd"))
        money = None if amount is None else Money.of(amount, "EUR")
        return db.create(Deal(name=name, company_id=company.id, amount=money, **fields))

    return make
