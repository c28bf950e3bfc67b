"""Batches: no statement asks for more values than every database takes, however many records it concerns."""

import sqlite3
from uuid import UUID

import pytest
import sqlalchemy as sa

from crmkit import Owned, Record, entity, extension, field, ref, translator
from crmkit.core.ids import new_id
from crmkit.testing import plugin

_ = translator("tests")
MANY, MOST_VALUES = 1100, 600


@entity("shop.firm", label=_("Firm"))
class Firm(Record):
    name: str = field(default="-")


@entity("shop.deal", label=_("Deal"), links={"partners": "shop.partner"})
class Deal(Owned):
    firm_id: UUID | None = ref("shop.firm", default=None, on_delete="clear")
    size: int = field(default=0)


@entity("shop.partner", label=_("Partner"))
class Partner(Record):
    deal_id: UUID = ref("shop.deal", on_delete="cascade")
    firm_id: UUID = ref("shop.firm", on_delete="cascade")


@extension(of="shop.deal")
class Grade:
    mark: int | None = field(default=1)


@pytest.fixture
def crm(make_crm, database, clock):
    crm = make_crm(plugin("shop", entities=[Firm, Deal, Partner, Grade]), database=database, clock=clock)
    sa.event.listen(crm.storage.engine, "checkout", take_few_values)
    return crm


def take_few_values(connection, _record, _proxy):
    connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, MOST_VALUES)


@pytest.fixture
def boss(people):
    return people.user("Boss", team="North", roles=["shop.everything", "core.administrator"])


@pytest.fixture
def deals(crm, boss):
    with crm.write(boss) as db:
        firms = db.create_many([Firm() for _n in range(MANY)])
        return db.create_many([Deal(firm_id=firm.id) for firm in firms])


def test_what_stands_behind_many_records_is_found(crm, boss, deals):
    firms = [deal.firm_id for deal in deals]
    with crm.write(boss) as db:
        db.create_many([Partner(deal_id=deal.id, firm_id=firm) for deal in deals for firm in firms[:2]])
        db.update(deals[-1], {"shop.mark": 5})

        assert db.get_many(Deal, [deal.id for deal in deals]).keys() == {deal.id for deal in deals}
        assert db.get_many(Deal, [new_id() for _n in range(MANY)]) == {}
        assert db.expand(deals, "firm").keys() == set(firms)
        partners = db.expand(deals, "partners")
        assert [[firm.id for firm in partners[deal.id]] for deal in deals] == [firms[:2]] * MANY
        marks = [grade.mark for grade in db.extensions(Grade, deals).values()]
        assert marks == [1] * (MANY - 1) + [5]


def test_many_records_are_changed_given_away_and_deleted_with_what_refers_to_them(crm, boss, deals):
    with crm.write(boss) as db:
        firms = list(db.expand(deals, "firm").values())
        db.create_many([Partner(deal_id=deal.id, firm_id=deal.firm_id) for deal in deals])
        deals = db.update_many([(deal, {"size": 1, "shop.mark": 2}) for deal in deals])
        deals = db.transfer_many(deals, boss.user_id)
        names = {str(place): deal.id for place, deal in enumerate(deals)}
        db.external.give("test", Deal, names)
        assert len(db.external.find("test", Deal, list(names))) == MANY
        db.delete_many(firms)
        assert db.count(Deal, "firm_id == null && size == 1 && shop.mark == 2") == MANY
        assert db.count(Partner) == 0
        db.delete_many(db.find(Deal))
        assert (db.count(Firm), db.count(Deal)) == (0, 0)
