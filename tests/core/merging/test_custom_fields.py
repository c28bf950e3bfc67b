"""Fields that were made at run time are merged and taken back like any other."""

import pytest

from crmkit import CustomField
from crmkit.testing import both_databases
from tests.oracle.trade.entities import Deal, Firm


@pytest.fixture
def defined(crm):
    with crm.system("test") as db:
        db.create_many(
            [
                CustomField(entity="trade.firm", key="rank", type="integer", label="Rank"),
                CustomField(entity="trade.firm", key="motto", type="text", label="Motto"),
                CustomField(
                    entity="trade.deal",
                    key="payer_id",
                    type="reference",
                    label="Payer",
                    options={"entity": "trade.firm"},
                ),
            ]
        )


@both_databases
def test_custom_values_and_references_follow_and_come_back(crm, steward, defined):
    with crm.write(steward) as db:
        one = db.create(Firm(name="One", custom={"rank": 1}))
        two = db.create(Firm(name="Two", custom={"rank": 2, "motto": "Always"}))
        deal = db.create(Deal(name="Deal", custom={"payer_id": two.id}))
    with crm.write(steward) as db:
        kept = db.merge(one, [two])
        assert kept.custom == {"rank": 1, "motto": "Always"}
        assert db.get(Deal, deal.id).custom == {"payer_id": one.id}
    with crm.write(steward) as db:
        back = db.unmerge(Firm, two.id)
        assert (back.left, back.record.custom) == ((), {"rank": 2, "motto": "Always"})
        assert db.get(Firm, one.id).custom == {"rank": 1, "motto": None}
        assert db.get(Deal, deal.id).custom == {"payer_id": two.id}


@both_databases
def test_what_leads_to_a_merged_record_leads_to_the_winner_in_custom_references_too(crm, steward, defined):
    with crm.write(steward) as db:
        one, two = db.create_many([Firm(name="One"), Firm(name="Two")])
        gone = db.create(Deal(name="Gone", custom={"payer_id": two.id}))
        changed = db.create(Deal(name="Changed"))
        db.delete(gone)
        db.merge(one, [two])
    with crm.write(steward) as db:
        db.restore(Deal, gone.id)
        db.update(changed, {"custom.payer_id": two.id})
        new = db.create(Deal(name="New", custom={"payer_id": two.id}))
    with crm.read(steward) as db:
        for deal in (gone, changed, new):
            found = db.get(Deal, deal.id)
            assert found.custom == {"payer_id": one.id}
            assert db.history(found)[-1].changes["custom.payer_id"][1] == str(one.id)
        assert db.count(Deal, f'custom.payer_id == "{one.id}"') == 3
