"""Search over HTTP: what a reader finds, and no more."""

import pytest

from crmkit.plugins.customers.entities import Company, Contact
from crmkit.testing import both_databases

SEARCH = "/api/v1/search"


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm("customers", database=database, clock=clock)


@pytest.fixture
def anna(people):
    return people.user("Anna", team="North", roles=["customers.agent"])


@pytest.fixture
def otto(people):
    return people.user("Otto", team="South", roles=["customers.agent"])


@pytest.fixture
def acme(crm, anna):
    with crm.write(anna) as db:
        acme = db.create(Company(name="Acme 北京", description="Makes things that Acme wants"))
        db.create(Contact(name="Ada Acme", company_id=acme.id))
    return acme


@both_databases
def test_search_gives_what_a_reader_finds(api, crm, anna, otto, acme):
    answer = api("GET", f"{SEARCH}?q=acm", anna).json()
    with crm.read(anna) as db:
        found = db.search("acm")
    assert [(item["entity"], item["record"]["id"], item["rank"]) for item in answer["items"]] == [
        (hit.entity, str(hit.id), hit.rank) for hit in found.hits
    ]
    first = answer["items"][0]
    assert (first["title"], first["snippet"]) == (
        "Acme 北京",
        {"field": "name", "text": "Acme 北京", "marks": [[0, 4]]},
    )
    assert api("GET", first["href"], anna).json() == first["record"]
    assert answer["next"] is None
    assert api("GET", f"{SEARCH}?q=acm", otto).json() == {"items": [], "next": None}


@both_databases
def test_pages_follow_their_cursors(api, anna, acme):
    page = api("GET", f"{SEARCH}?q=acme&limit=1&entity=customers.company,customers.contact", anna)
    following = api("GET", page.headers["link"].partition(">")[0].removeprefix("<"), anna)
    titles = [item["title"] for answer in (page, following) for item in answer.json()["items"]]
    assert titles == ["Acme 北京", "Ada Acme"]
    assert "link" not in following.headers


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("q=acme&entity=customers.nosuch", "query"),
        ("q=acme&nosuch=1", "query"),
        ("q=acme&q=ada", "query"),
        ("q=acme&limit=0", "query"),
        ("q=acme&cursor=nonsense", "cursor"),
        (f"q={'x' * 501}", "search-text"),
    ],
)
def test_what_makes_no_sense_is_refused(api, anna, query, code):
    answer = api("GET", f"{SEARCH}?{query}", anna)
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (400, code)


def test_nobody_searches_without_a_name(api):
    assert api("GET", f"{SEARCH}?q=acme").status_code == 401
