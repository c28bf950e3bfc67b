"""Many changes in one request: all or none, or each for itself; as single requests would have it."""

from uuid import UUID

import pytest
import sqlalchemy as sa

from crmkit import Money, new_id
from crmkit.plugins.customers.entities import Company
from crmkit.plugins.sales.entities import Deal
from crmkit.testing import both_databases

DEALS = "/api/v1/sales/deals"
BATCH = f"{DEALS}/batch"


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm("sales", database=database, clock=clock)


@pytest.fixture
def anna(people):
    return people.user("Anna", team="North", roles=["sales.agent"])


@pytest.fixture
def otto(people):
    return people.user("Otto", team="South", roles=["sales.agent"])


def make_deals(crm, owner, number):
    with crm.write(owner) as db:
        company = db.create(Company(name=f"{owner.name} Ltd"))
        return db.create_many(
            [Deal(name=f"Deal {n}", amount=Money.of(n, "EUR"), company_id=company.id) for n in range(number)]
        )


@pytest.fixture
def deals(crm, anna):
    return make_deals(crm, anna, 3)


def update(record, **values):
    return {"op": "update", "id": str(record.id), "values": values}


def names(api, who):
    return sorted(item["name"] for item in api("GET", DEALS, who).json()["items"])


@both_databases
def test_t14_batch_with_a_foreign_record_names_its_place_and_writes_nothing(api, crm, anna, otto, deals):
    (foreign,) = make_deals(crm, otto, 1)
    items = [update(deals[0], name="new"), {"op": "create", "values": {"name": "made"}}, update(deals[1], name="new")]
    answers = []
    for id_ in (foreign.id, new_id()):
        hidden = {"op": "update", "id": str(id_), "values": {"name": "new"}}
        answers.append(
            api("POST", BATCH, anna, headers={"x-request-id": "r"}, json={"items": [*items[:2], hidden, items[2]]})
        )
    assert [(answer.status_code, answer.json()["index"]) for answer in answers] == [(404, 2)] * 2
    assert answers[0].content == answers[1].content
    assert names(api, anna) == ["Deal 0", "Deal 1", "Deal 2"]
    assert names(api, otto) == ["Deal 0"]


@both_databases
def test_each_item_has_its_own_answer_where_that_is_asked_for(api, crm, anna, otto, deals):
    (foreign,) = make_deals(crm, otto, 1)
    answer = api("POST", f"{BATCH}?fields=name,stage", anna, json={"mode": "each", "items": [
        {"op": "create", "values": {"name": "made"}},
        {"op": "create", "values": {"name": None}},
        update(deals[0], name="new"),
        update(foreign, name="new"),
        {"op": "update", "id": str(deals[1].id), "version": 7, "values": {"name": "new"}},
        {"op": "move", "id": str(deals[1].id), "stage": "engaging"},
        {"op": "move", "id": str(deals[2].id), "stage": "nowhere"},
        {"op": "delete", "id": str(deals[2].id)},
    ]})  # fmt: skip
    body = answer.json()
    assert (answer.status_code, body["refused"]) == (207, 5), answer.text
    assert [result["status"] for result in body["results"]] == [201, 422, 200, 404, 412, 200, 422, 403]
    assert body["results"][1]["problem"]["errors"][0]["field"] == "name"
    assert body["results"][2]["record"] == {"id": str(deals[0].id), "name": "new", "stage": "prospecting"}
    assert body["results"][5]["record"]["stage"] == "engaging"
    assert names(api, anna) == ["Deal 1", "Deal 2", "made", "new"]


def test_items_are_done_in_their_order_even_if_they_concern_one_record(api, anna, deals):
    items = [update(deals[0], name="first"), update(deals[1], name="other"), update(deals[0], name="second")]
    body = api("POST", BATCH, anna, json={"items": items}).json()
    assert [result["record"]["version"] for result in body["results"]] == [3, 2, 3]
    assert names(api, anna) == ["Deal 2", "other", "second"]


def test_batch_moves_and_transfers_whole_selections(api, crm, people, anna, deals):
    chief = people.user("Chief", team="North", roles=["sales.manager"])
    items = [{"op": "move", "id": str(deal.id), "stage": "engaging"} for deal in deals]
    items += [{"op": "transfer", "id": str(deal.id), "owner_id": str(chief.user_id)} for deal in deals]
    answer = api("POST", BATCH, chief, json={"items": items})
    assert answer.status_code == 200, answer.text
    with crm.read(chief) as db:
        found = db.get_many(Deal, [deal.id for deal in deals]).values()
    assert {(deal.stage, deal.owner_id) for deal in found} == {("engaging", chief.user_id)}
    admin = people.user("Admin", roles=["sales.admin"])
    gone = api("POST", BATCH, admin, json={"items": [{"op": "delete", "id": str(deal.id)} for deal in deals]}).json()
    assert gone["results"] == [{"status": 204}] * 3
    assert names(api, chief) == []


def test_number_of_statements_does_not_grow_with_the_items(api, anna):
    def statements(number):
        items = [{"op": "create", "values": {"name": f"New {n}"}} for n in range(number)]
        seen = []

        def see(*given):
            seen.append(given[2])

        sa.event.listen(sa.Engine, "before_cursor_execute", see)
        try:
            assert api("POST", BATCH, anna, json={"items": items}).status_code == 200
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", see)
        return len(seen)

    statements(2)
    assert statements(40) == statements(4)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"items": []},
        {"items": [{"op": "create", "values": {"name": "x"}}] * 501},
        {"items": [{"op": "steal", "id": str(UUID(int=0))}]},
        {"items": [{"op": "update", "id": "D-000001", "values": {}}]},
        {"items": [{"op": "create"}]},
        {"items": [{"op": "create", "values": {}, "more": 1}]},
        {"items": [], "mode": "some"},
        [],
    ],
)
def test_body_that_is_no_batch_is_refused(api, anna, body):
    assert api("POST", BATCH, anna, json=body).status_code == 400


def test_field_that_there_is_none_of_is_told_with_the_place_of_its_item(api, anna, deals):
    answers = [api("POST", BATCH, anna, json={"items": [update(deals[0], **{name: 1})]}) for name in ("nosuch", "no.x")]
    assert [(answer.status_code, answer.json()["index"]) for answer in answers] == [(400, 0)] * 2
