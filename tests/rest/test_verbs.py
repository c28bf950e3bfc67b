"""What is done with records beside changing them, and what is known around them."""

import re

import pytest

from crmkit import new_id
from crmkit.plugins.customers.entities import Company
from crmkit.plugins.sales.entities import Deal
from crmkit.testing import both_databases

DEALS, COMPANIES, CONTACTS = "/api/v1/sales/deals", "/api/v1/customers/companies", "/api/v1/customers/contacts"


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm("sales", database=database, clock=clock)


@pytest.fixture
def anna(people):
    return people.user("Anna", team="North", roles=["sales.manager", "customers.manager"])


@pytest.fixture
def otto(people):
    return people.user("Otto", team="South", roles=["sales.agent", "customers.agent"])


@pytest.fixture
def deal(crm, anna):
    with crm.write(anna) as db:
        company = db.create(Company(name="Acme"))
        return db.create(Deal(name="Pilot", company_id=company.id))


@both_databases
def test_deal_is_moved_and_a_move_that_is_refused_says_what_would_be_accepted(api, anna, deal):
    path = f"{DEALS}/{deal.id}"
    moved = api("POST", f"{path}/move", anna, json={"stage": "engaging"})
    assert (moved.status_code, moved.json()["stage"], moved.json()["version"]) == (200, "engaging", 2), moved.text
    refused = api("POST", f"{path}/move", anna, json={"stage": "nosuch"})
    assert refused.status_code == 422, refused.text
    stale = api("POST", f"{path}/move", anna, headers={"if-match": '"1"'}, json={"stage": "won"})
    assert stale.status_code == 412
    refused = api("POST", f"{path}/move", anna, json={"stage": "won"})
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:crmkit:problem:move-refused")
    assert refused.json()["missing"] == ["amount"]
    assert "proposal" in refused.json()["allowed"]
    visits = api("GET", f"{path}/visits", anna).json()["items"]
    assert [visit["stage"] for visit in visits] == ["prospecting", "engaging"]
    assert visits[0]["left_by"] == str(anna.user_id)


@both_databases
def test_deal_is_given_to_somebody_else_who_then_sees_it(api, anna, otto, deal):
    path = f"{DEALS}/{deal.id}"
    assert api("GET", path, otto).status_code == 404
    given = api("POST", f"{path}/transfer", anna, json={"owner_id": str(otto.user_id), "keep": "read"})
    assert (given.status_code, given.json()["owner_id"]) == (200, str(otto.user_id)), given.text
    assert api("GET", path, otto).status_code == 200
    assert api("POST", f"{path}/transfer", anna, json={"owner_id": str(new_id())}).status_code in (403, 404, 422)


@both_databases
def test_record_is_shared_and_not_shared_any_more(api, anna, otto, deal):
    path, who = f"{DEALS}/{deal.id}", str(otto.user_id)
    made = api("POST", f"{path}/shares", anna, json={"user_id": who, "ends_at": "2026-04-01T00:00:00Z"})
    assert made.status_code == 201, made.text
    assert made.json() == {
        "id": made.json()["id"],
        "user_id": who,
        "team_id": None,
        "level": "read",
        "ends_at": "2026-04-01T00:00:00Z",
    }
    assert api("GET", f"{path}/shares", anna).json() == {"items": [made.json()], "next": None}
    assert api("GET", path, otto).status_code == 200
    ended = [api("DELETE", f"{path}/shares?user_id={who}", anna).status_code for _n in range(2)]
    assert ended == [204, 404]
    assert api("GET", path, otto).status_code == 404


@both_databases
def test_companies_are_merged_and_one_is_taken_out_again(api, crm, anna):
    with crm.write(anna) as db:
        one, other = db.create_many([Company(name="Acme"), Company(name="ACME", city="Berlin")])
    asked = {"losers": [str(other.id)], "values": {"name": "Acme AG"}}
    plan = api("POST", f"{COMPANIES}/{one.id}/merge/preview", anna, json=asked)
    assert plan.status_code == 200, plan.text
    assert (plan.json()["refusal"], plan.json()["winner"]["id"]) == (None, str(one.id))
    assert "city" in [field["name"] for field in plan.json()["fields"]]
    stale = api("POST", f"{COMPANIES}/{one.id}/merge", anna, json={**asked, "versions": {str(other.id): 7}})
    assert stale.status_code == 412, stale.text
    merged = api("POST", f"{COMPANIES}/{one.id}/merge", anna, json={**asked, "versions": {str(other.id): 1}})
    assert (merged.status_code, merged.json()["name"], merged.json()["city"]) == (200, "Acme AG", "Berlin"), merged.text
    assert api("GET", f"{COMPANIES}/{other.id}", anna).json()["id"] == str(one.id)
    # Both may be of the same version; only who names the record itself has seen it.
    where, seen = f"{COMPANIES}/{other.id}", {"if-match": "*"}
    assert api("DELETE", where, anna, headers=seen).status_code == 404
    assert api("POST", f"{where}/transfer", anna, json={"owner_id": str(anna.user_id)}).status_code == 404
    third = api("POST", COMPANIES, anna, json={"name": "Third"}).json()["id"]
    assert api("POST", f"{COMPANIES}/{third}/merge", anna, json={"losers": [str(other.id)]}).status_code == 404
    apart = api("POST", f"{COMPANIES}/{other.id}/unmerge", anna)
    assert (apart.status_code, apart.json()["record"]["name"]) == (200, "ACME"), apart.text
    assert api("GET", f"{COMPANIES}/{other.id}", anna).json()["id"] == str(other.id)


@both_databases
def test_what_refers_to_a_merged_record_leads_to_what_it_went_into(api, crm, anna):
    with crm.write(anna) as db:
        one, other, third = db.create_many([Company(name="Acme"), Company(name="ACME"), Company(name="Third")])
        db.merge(one, [other])
    asked = {"name": "Pilot", "company_id": str(other.id)}
    made = api("POST", DEALS, anna, json=asked).json()
    done = api("POST", f"{DEALS}/batch", anna, json={"items": [{"op": "create", "values": asked}]}).json()
    assert made["company_id"] == done["results"][0]["record"]["company_id"] == str(one.id)
    there = api("POST", DEALS, anna, json={"name": "Further", "company_id": str(third.id)}).json()
    patch = {"content-type": "application/merge-patch+json", "if-match": "*"}
    changed = api("PATCH", f"{DEALS}/{there['id']}", anna, headers=patch, json={"company_id": str(other.id)}).json()
    assert changed["company_id"] == str(one.id)


@both_databases
def test_item_of_a_batch_that_names_a_merged_record_is_refused_as_one_that_names_none(api, crm, anna):
    with crm.write(anna) as db:
        one, other = db.create_many([Company(name="Acme"), Company(name="ACME")])
        db.merge(one, [other])
    for op in ("update", "delete", "transfer"):
        beside = {"update": {"values": {"name": "New"}}, "transfer": {"owner_id": str(anna.user_id)}}.get(op, {})
        items = [{"op": op, "id": str(id_), **beside} for id_ in (other.id, new_id())]
        done = api("POST", f"{COMPANIES}/batch", anna, json={"mode": "each", "items": items}).json()
        assert [each["status"] for each in done["results"]] == [404, 404]
        assert done["results"][0] == done["results"][1]
    assert api("GET", f"{COMPANIES}/{one.id}", anna).json()["name"] == "Acme"


def test_nothing_is_done_under_the_number_of_a_merged_record(api, crm, anna, deal):
    with crm.write(anna) as db:
        other = db.create(Deal(name="Pilot", company_id=deal.company_id))
        db.merge(deal, [other])
    assert api("GET", f"{DEALS}/{other.number}", anna).json()["id"] == str(deal.id)
    assert api("DELETE", f"{DEALS}/{other.number}", anna, headers={"if-match": "*"}).status_code == 404
    assert api("DELETE", f"{DEALS}/{deal.number}", anna, headers={"if-match": "*"}).status_code == 204


def pages(api, path, who, limit):
    """Yield every page of the list at *path*, as its links lead on."""
    place = f"{path}?limit={limit}"
    while place:
        answer = api("GET", place, who)
        assert answer.status_code == 200, answer.text
        yield answer.json()["items"]
        found = re.fullmatch(r'<(.*)>; rel="next"', answer.headers.get("link", ""))
        assert (found is None) == (answer.json()["next"] is None)
        place = found and found[1]


@both_databases
def test_long_history_and_many_shares_come_page_by_page(api, crm, people, anna, deal):
    teams = [people.team(f"Team {number}").id for number in range(7)]
    with crm.write(anna) as db:
        for number in range(120):
            deal = db.update(deal, name=f"Name {number}")
        for team in teams:
            db.share(deal, team=team)
    history = list(pages(api, f"{DEALS}/{deal.id}/history", anna, 50))
    assert [len(page) for page in history] == [50, 50, 21]
    with crm.read(anna) as db:
        assert [entry["id"] for page in history for entry in page] == [entry.id for entry in db.history(deal)]
        shares = [str(share.id) for share in db.shares(deal)]
    found = list(pages(api, f"{DEALS}/{deal.id}/shares", anna, 3))
    assert [[share["id"] for share in page] for page in found] == [shares[:3], shares[3:6], shares[6:]]


@both_databases
def test_visits_come_page_by_page_in_as_many_statements_each(api, crm, anna, deal, statements):
    stages = ["engaging", "prospecting"] * 4
    with crm.write(anna) as db:
        for stage in stages:
            deal = db.move(deal, stage)
    numbers = set()
    for limit in (1, 4):
        statements.clear()
        found = list(pages(api, f"{DEALS}/{deal.id}/visits", anna, limit))
        numbers.add(len(statements) / len(found))
    assert len(numbers) == 1
    assert [[visit["stage"] for visit in page] for page in found] == [
        ["prospecting", *stages[:3]], stages[3:7], stages[7:]
    ]  # fmt: skip


@pytest.mark.parametrize("query", ["cursor=x", "cursor=-1", "cursor=99999999999999999999", "limit=0", "limit=201",
                                   "limit=x", "nosuch=1"])  # fmt: skip
@pytest.mark.parametrize("part", ["history", "shares", "visits"])
def test_page_that_makes_no_sense_is_refused(api, anna, deal, part, query):
    assert api("GET", f"{DEALS}/{deal.id}/{part}?{query}", anna).status_code == 400


@both_databases
def test_history_time_line_and_sections_of_a_record(api, crm, anna, deal):
    with crm.write(anna) as db:
        db.update(deal, name="Pilot 2")
    path = f"{COMPANIES}/{deal.company_id}"
    entries = api("GET", f"{DEALS}/{deal.id}/history", anna).json()["items"]
    assert [entry["kind"] for entry in entries] == ["create", "update"]
    assert entries[1]["changes"] == {"name": {"old": "Pilot", "new": "Pilot 2"}}
    assert entries[1]["by_id"] == str(anna.user_id)
    sections = {each["id"]: each for each in api("GET", f"{path}/sections", anna).json()["items"]}
    deals = next(each for each in sections.values() if each["entity"] == "sales.deal")
    assert (deals["count"], [item["name"] for item in deals["items"]]) == (1, ["Pilot 2"])
    line = api("GET", f"{path}/timeline?limit=1", anna).json()
    further = api("GET", f"{path}/timeline?cursor={line['next']}", anna).json()
    kinds = [item["kind"] for item in (*line["items"], *further["items"])]
    assert sorted(kinds) == ["change", "move"]
    overview = api("GET", f"{path}/overview", anna).json()
    assert (overview["record"]["name"], len(overview["timeline"]["items"])) == ("Acme", 2)
    assert {each["id"] for each in overview["sections"]} == set(sections)


@both_databases
def test_records_that_may_be_the_same_are_found_before_one_is_created(api, crm, anna):
    with crm.write(anna) as db:
        email = "a@acme.example"
        one, other = db.create_many([Company(name="Acme", email=email), Company(name="ACME", email=email)])
    assert [item["id"] for item in api("GET", f"{COMPANIES}/{one.id}/matches", anna).json()["items"]] == [str(other.id)]
    found = api("POST", f"{COMPANIES}/matches", anna, json={"name": "Acme", "email": "A@acme.example"}).json()
    assert {item["id"] for item in found["items"]} == {str(one.id), str(other.id)}
    assert found["is_hidden_one"] is False


def test_why_somebody_may_or_may_not_is_explained(api, anna, otto, deal):
    mine = api("GET", f"{DEALS}/{deal.id}/explain?verb=update", anna).json()
    assert (mine["answer"], mine["verb"], mine["record_id"]) == ("yes", "update", str(deal.id)), mine
    every = api("GET", f"{DEALS}/explain?verb=delete", otto).json()
    assert every["entity"] == "sales.deal"
    assert api("GET", f"{DEALS}/{deal.id}/explain?verb=update", otto).status_code == 404
    assert api("GET", f"{DEALS}/{deal.id}/explain?verb=nosuch", anna).status_code == 400
    assert api("GET", f"{DEALS}/{deal.id}/explain", anna).status_code == 400


@both_databases
def test_record_is_put_by_the_id_that_another_system_has_for_it(api, anna, otto):
    path = f"{CONTACTS}/external/erp/customers/17"
    assert api("GET", path, anna).status_code == 404
    made = api("PUT", path, anna, json={"name": "Mia", "job_title": "Buyer"})
    assert made.status_code == 201, made.text
    changed = api("PUT", path, anna, json={"name": "Maya"})
    assert (changed.status_code, changed.json()["id"]) == (200, made.json()["id"])
    assert (changed.json()["name"], changed.json()["job_title"]) == ("Maya", "Buyer")
    assert api("GET", path, anna).json()["id"] == made.json()["id"]
    assert api("GET", path, otto).status_code == 404
    assert api("PUT", path, otto, json={"name": "Other"}).status_code == 409
    api("DELETE", f"{CONTACTS}/{made.json()['id']}", anna, headers={"if-match": "*"})
    assert (api("GET", path, anna).status_code, api("PUT", path, anna, json={}).status_code) == (404, 409)


@both_databases
def test_put_by_external_id_creates_or_changes_only_as_its_conditions_say(api, anna):
    path, values = f"{CONTACTS}/external/erp/18", {"name": "Mia"}
    for seen in ("*", '"1"'):
        refused = api("PUT", path, anna, headers={"if-match": seen}, json=values)
        assert (refused.status_code, refused.json()["title"]) == (412, "Precondition failed"), seen
    assert api("PUT", path, anna, headers={"if-none-match": "h"}, json=values).status_code == 400
    assert api("GET", path, anna).status_code == 404
    made = api("PUT", path, anna, headers={"if-none-match": "*"}, json=values)
    assert made.status_code == 201
    for known in ("*", made.headers["etag"]):
        again = api("PUT", path, anna, headers={"if-none-match": known}, json={"name": "Maya"})
        assert (again.status_code, again.json()["title"]) == (412, "Precondition failed"), known
    assert api("GET", path, anna).json()["name"] == "Mia"
    seen = {"if-match": made.headers["etag"]}
    assert api("PUT", path, anna, headers=seen, json={"name": "Maya"}).status_code == 200
    assert api("PUT", path, anna, headers=seen, json={"name": "Mara"}).status_code == 412


def test_entities_and_fields_are_those_that_exist_for_who_asks(api, anna, people):
    mine = {each["id"]: each for each in api("GET", "/api/v1", anna).json()["items"]}
    deal = mine["sales.deal"]
    assert (deal["path"], deal["label"], deal["fields"]["stage"]["type"]) == (DEALS, "Deal", "text")
    assert {"read", "create", "move"} <= set(deal["verbs"])
    assert deal["fields"]["company_id"]["entity"] == "customers.company"
    assert deal["fields"]["name"]["required"]
    assert not deal["fields"]["version"]["writable"]
    nobody = api("GET", "/api/v1", people.user("Nobody", member=False)).json()
    assert nobody == {"items": []}


def test_who_asks_is_told_who_they_are(api, anna):
    me = api("GET", "/api/v1/me", anna).json()
    assert (me["user_id"], me["name"], me["currency"], me["scopes"]) == (str(anna.user_id), "Anna", "EUR", None)
    assert me["user"]["name"] == "Anna"
    assert "sales.manager" in me["roles"]


@pytest.mark.parametrize(
    ("method", "behind", "body"),
    [
        ("POST", "/move", {"stage": 1}),
        ("POST", "/move", {}),
        ("POST", "/move", {"stage": "won", "more": 1}),
        ("POST", "/transfer", {"owner_id": "x"}),
        ("POST", "/shares", {"level": "own"}),
        ("POST", "/shares", []),
        ("POST", "/merge", {"losers": "x"}),
        ("GET", "/timeline?limit=0", None),
        ("GET", "/timeline?limit=201", None),
        ("GET", "/timeline?cursor=x", None),
        ("GET", "/timeline?x=1", None),
        ("DELETE", "/shares?user_id=x", None),
    ],
)
def test_what_makes_no_sense_is_refused(api, anna, deal, method, behind, body):
    answer = api(method, f"{DEALS}/{deal.id}{behind}", anna, **({} if body is None else {"json": body}))
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json"), answer.text


def test_t04_every_verb_on_a_hidden_record_is_answered_as_on_none(api, otto, deal):
    asked = [
        ("POST", "/move", {"stage": "won"}), ("POST", "/transfer", {"owner_id": None}), ("GET", "/shares", None),
        ("POST", "/shares", {"user_id": str(otto.user_id)}), ("DELETE", f"/shares?user_id={otto.user_id}", None),
        ("POST", "/merge", {"losers": [str(deal.id)]}), ("POST", "/merge/preview", {"losers": []}),
        ("POST", "/unmerge", None), ("GET", "/history", None), ("GET", "/timeline", None), ("GET", "/sections", None),
        ("GET", "/overview", None), ("GET", "/visits", None), ("GET", "/matches", None),
        ("GET", "/explain?verb=read", None),
    ]  # fmt: skip
    for method, behind, body in asked:
        more = {} if body is None else {"json": body}
        hidden, none = (api(method, f"{DEALS}/{id_}{behind}", otto, **more) for id_ in (deal.id, new_id()))
        assert hidden.status_code == 404, (method, behind, hidden.text)
        assert (hidden.content, hidden.headers.keys()) == (none.content, none.headers.keys())


def test_nothing_of_this_needs_more_than_readers_and_writers(api, people, deal):
    viewer = people.user("Vera", team="North", roles=["sales.viewer"])
    path = f"{DEALS}/{deal.id}"
    denied = [
        api("POST", f"{path}/move", viewer, json={"stage": "engaging"}),
        api("POST", f"{path}/transfer", viewer, json={"owner_id": str(viewer.user_id)}),
        api("POST", f"{path}/shares", viewer, json={"user_id": str(viewer.user_id)}),
    ]
    assert [answer.status_code for answer in denied] == [403, 403, 403]
