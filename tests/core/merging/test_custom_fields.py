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
