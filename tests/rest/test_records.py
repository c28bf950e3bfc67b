"""Records of every entity over HTTP: lists, single records, changes, the bin; the same for all entities."""

from decimal import Decimal
from uuid import UUID

import pytest

from crmkit import (
    CustomField,
    Decimals,
    Grant,
    Mask,
    Money,
    Number,
    Owned,
    Record,
    Role,
    Target,
    any_ref,
    entity,
    extension,
    field,
    new_id,
    ref,
    translator,
)
from crmkit.testing import both_databases, plugin

_ = translator("tests")
VERBS = ["read", "create", "update", "delete"]
JSON = {"content-type": "application/json"}


@entity("shop.company", label=_("Company"))
class Company(Record):
    name: str = field()
    city: str | None = field(default=None)


@entity("shop.client", label=_("Client"))
class Client(Owned):
    number: str = field(Number("K"), init=False)
    name: str = field()
    rank: int = field(default=0)
    is_big: bool = field(default=False)
    rate: Decimal | None = field(Decimals(scale=2), default=None)
    worth: Money | None = field(default=None)
    regarding: Target | None = any_ref(default=None)
    company_id: UUID | None = ref("shop.company", default=None)
    secret: str | None = field(default=None)


@entity("shop.vault", label=_("Vault"))
class Vault(Record):
    name: str = field()


@extension(of="shop.client")
class Loyalty:
    tier: str = field(default="basic")


ROLES = [
    Role("shop.clerk", _("Clerk"), [Grant("shop.client", VERBS, "team"), Grant("shop.company", VERBS, "all")], [
        Mask("shop.client", ["secret"])]),
    Role("shop.reader", _("Reader"), [Grant("shop.client", ["read"], "team")]),
    Role("shop.keeper", _("Keeper"), [Grant("shop.vault", VERBS, "all")]),
]  # fmt: skip
CLIENTS = "/api/v1/shop/clients"
COMPANIES = "/api/v1/shop/companies"


@pytest.fixture
def crm(make_crm, database, clock):
    shop = plugin("shop", entities=[Client, Company, Vault], roles=ROLES)
    return make_crm(shop, plugin("loyalty", entities=[Loyalty], requires=["shop"]), database=database, clock=clock)


@pytest.fixture
def anna(people):
    return people.user("Anna", team="North", roles=["shop.clerk"])


@pytest.fixture
def otto(people):
    return people.user("Otto", team="South", roles=["shop.clerk"])


@pytest.fixture
def clients(crm, anna):
    """Ten clients of Anna."""
    with crm.write(anna) as db:
        acme = db.create(Company(name="Acme", city="上海"))
        return db.create_many(
            [Client(name=f"Client {n}", rank=n % 3, worth=Money.of(n, "EUR"), company_id=acme.id) for n in range(10)]
        )


def names(answer):
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json()["items"]]


@both_databases
def test_record_is_created_read_changed_deleted_and_restored(api, anna):
    given = {
        "name": "Käufer",
        "rate": "1.50",
        "worth": {"amount": "12.5", "currency": "EUR"},
        "loyalty": {"tier": "gold"},
    }
    created = api("POST", CLIENTS, anna, json=given)
    record = created.json()
    assert created.status_code == 201
    assert created.headers["location"] == f"{CLIENTS}/{record['id']}"
    assert (record["number"], record["version"], record["loyalty"]) == ("K-000001", 2, {"tier": "gold"})
    assert record["worth"] == {"amount": "12.50", "currency": "EUR"}

    for reference in (record["id"], "K-000001"):
        read = api("GET", f"{CLIENTS}/{reference}", anna)
        assert (read.status_code, read.json(), read.headers["etag"]) == (200, record, created.headers["etag"])

    seen = {"if-match": created.headers["etag"]}
    changed = api(
        "PATCH", f"{CLIENTS}/{record['id']}", anna, headers=seen, json={"rate": None, "worth": {"amount": "3"}}
    )
    assert changed.status_code == 200
    assert changed.json() == record | {
        "rate": None, "worth": {"amount": "3.00", "currency": "EUR"}, "version": 3,
        "updated_at": changed.json()["updated_at"],
    }  # fmt: skip

    seen = {"if-match": changed.headers["etag"]}
    deleted = api("DELETE", f"{CLIENTS}/{record['id']}", anna, headers=seen)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert api("GET", f"{CLIENTS}/{record['id']}", anna).status_code == 404
    assert names(api("GET", f"{CLIENTS}?deleted=true", anna)) == ["Käufer"]
    restored = api("POST", f"{CLIENTS}/{record['id']}/restore", anna)
    assert (restored.status_code, restored.json()["deleted_at"], restored.json()["version"]) == (200, None, 5)


@both_databases
def test_list_is_paged_by_cursors_that_its_links_carry(api, anna, clients):
    seen, path = [], f"{CLIENTS}?order_by=-rank,name&limit=4&fields=name"
    while path:
        answer = api("GET", path, anna)
        seen += names(answer)
        more = answer.json()["next"] is not None
        assert more == ("link" in answer.headers)
        path = answer.headers["link"].partition(">")[0].removeprefix("<") if more else None
        assert path is None or "fields=name" in path
    assert seen == sorted((client.name for client in clients), key=lambda name: (-(int(name[-1]) % 3), name))


@both_databases
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("rank=2", "258"),
        ("rank__in=1,2&worth__lt=5", "124"),
        ("rank__ne=0&worth__gte=7", "78"),
        ("name__endswith=3", "3"),
        ("name__contains=ient 4", "4"),
        ("name__startswith=Client&rank__gt=1", "258"),
        ("worth=3 EUR", "3"),
        ("is_big=false&rank__lte=0", "0369"),
        ("company.city=上海&rank=2", "258"),
        ("company_id__isnull=true", ""),
        ("company_id__isnull=false&rank=2", "258"),
        ("loyalty.tier=basic&rank=2", "258"),
        ("loyalty.tier=gold", ""),
        ('filter=rank == 2 %26%26 name != "Client 5"', "28"),
        ('filter=rank == 2&name__ne=Client 5', "28"),
        ("created_at__gte=2026-03-02T12:00:00Z&rank=1", "147"),
        ("regarding__isnull=true&rank=1", "147"),
        ("owner_id__isnull=false&rank=1", "147"),
    ],
)  # fmt: skip
def test_list_has_what_its_conditions_hold_for(api, anna, clients, query, expected):
    found = names(api("GET", f"{CLIENTS}?order_by=name&{query}", anna))
    assert "".join(name[-1] for name in found) == expected


def test_conditions_on_any_reference_and_ids(api, crm, anna, clients):
    with crm.write(anna) as db:
        db.update(clients[0], regarding=Target("shop.company", clients[0].company_id))
    target = clients[0].company_id
    assert names(api("GET", f"{CLIENTS}?regarding=shop.company/{target}", anna)) == ["Client 0"]
    assert names(api("GET", f"{CLIENTS}?regarding.id={target}&regarding.entity=shop.company", anna)) == ["Client 0"]
    assert len(names(api("GET", f"{CLIENTS}?company_id={target}", anna))) == 10


def test_count_is_told_when_it_is_asked_for(api, anna, clients):
    assert "count" not in api("GET", CLIENTS, anna).json()
    answer = api("GET", f"{CLIENTS}?rank=2&count=true&limit=1", anna).json()
    assert (answer["count"], len(answer["items"])) == (3, 1)


def test_list_shows_fields_and_what_is_behind_relations(api, anna, clients):
    answer = api("GET", f"{CLIENTS}?limit=1&fields=name,company.name,loyalty&expand=company", anna).json()
    company = {"id": str(clients[0].company_id), "name": "Acme"}
    assert answer["items"] == [
        {"id": str(clients[-1].id), "name": "Client 9", "loyalty": {"tier": "basic"}, "company": company}
    ]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "limit=1&limit=2", "count=yes", "cursor=x",
     "filter=rank ==",
     "filter=rank==\"a\"",      "rank=x", "rank__like=1", "rate=1e9", "worth=abc", "is_big=1", "created_at=2026",
     "created_at=2026-01-01T00:00:00",
     "regarding=x", "order_by=regarding", "secret__isnull=x", "name=%ff", "company.name.x=1", "rank__isnull=1"],
)  # fmt: skip
def test_query_that_makes_no_sense_is_refused(api, anna, clients, query):
    answer = api("GET", f"{CLIENTS}?{query}", anna)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json"), answer.text
    assert answer.json()["status"] == 400


HIDING = ["{}=x", "order_by={}", "order_by=-{}", "filter={}+%3D%3D+null", "fields={}", "fields=name,{}",
          "{}__isnull=true", "{}__contains=a", "expand={}", "loyalty.{}=x", "company.{}=1"]  # fmt: skip


@pytest.mark.parametrize("query", HIDING)
def test_t01_asking_for_a_hidden_field_is_answered_byte_for_byte_as_asking_for_none(api, anna, clients, query):
    hidden, nosuch = (api("GET", f"{CLIENTS}?{query.format(name)}", anna) for name in ("secret", "nosuch"))
    assert hidden.status_code == 400
    assert hidden.content.replace(b"secret", b"nosuch") == nosuch.content


@pytest.mark.parametrize(
    "body", [{"X": "x"}, {"X": None}, {"name": 1, "X": {}}, {"loyalty": {"X": 1}}, {"custom": {"X": 1}}]
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_t01_giving_a_hidden_field_is_answered_byte_for_byte_as_giving_none(api, anna, clients, method, body):
    path = CLIENTS if method == "POST" else f"{CLIENTS}/{clients[0].id}"

    def named(given, name):
        if not isinstance(given, dict):
            return given
        return {name if key == "X" else key: named(value, name) for key, value in given.items()}

    hidden, nosuch = (
        api(method, path, anna, headers={"if-match": "*"}, json=named(body, name)) for name in ("secret", "nosuch")
    )
    assert hidden.status_code == 400
    assert hidden.content.replace(b"secret", b"nosuch") == nosuch.content


def test_t04_hidden_record_and_hidden_entity_are_answered_as_if_there_were_none(api, crm, anna, otto, clients):
    with crm.system("test") as db:
        vault = db.create(Vault(name="v"))
    hidden = [
        f"{CLIENTS}/{clients[0].id}",
        f"{CLIENTS}/K-000001",
        f"/api/v1/shop/vaults/{vault.id}",
        "/api/v1/shop/vaults",
    ]
    missing = [
        f"{CLIENTS}/{new_id()}",
        f"{CLIENTS}/K-999999",
        f"/api/v1/shop/nosuchs/{vault.id}",
        "/api/v1/shop/nosuchs",
    ]
    for method, behind in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/restore")):
        for there, not_there in zip(hidden, missing, strict=True):
            if behind or method != "POST":
                one, other = (
                    api(method, path + behind, otto, headers={"if-match": '"1"', "x-request-id": "r"}, json={})
                    for path in (there, not_there)
                )
                is_list = there.endswith("vaults") and method != "GET"
                assert one.status_code == (405 if is_list else 404), (method, there)
                assert (one.content, one.headers.keys()) == (other.content, other.headers.keys())


def test_record_that_may_not_be_changed_is_forbidden(api, people, anna, clients):
    reader = people.user("Rita", team="North", roles=["shop.reader"])
    path, seen = f"{CLIENTS}/{clients[0].id}", {"if-match": "*"}
    assert api("GET", path, reader).status_code == 200
    answers = [
        api("PATCH", path, reader, headers=seen, json={"name": "x"}),
        api("DELETE", path, reader, headers=seen),
        api("POST", CLIENTS, reader, json={"name": "x"}),
    ]
    assert [(answer.status_code, answer.json()["title"]) for answer in answers] == [(403, "Forbidden")] * 3


@pytest.mark.parametrize(
    ("if_match", "status"),
    [
        (None, 428),
        ('"1"', 200),
        ("*", 200),
        ('"1-00000000"', 200),
        ('"7", "1"', 200),
        ('"2"', 412),
        ("1", 400),
        ('W/"1"', 412),
        ('"other"', 412),
        ("", 400),
    ],
)
def test_change_needs_to_have_seen_the_record_as_it_is(api, anna, clients, if_match, status):
    headers = {} if if_match is None else {"if-match": if_match}
    path = f"{CLIENTS}/{clients[0].id}"
    assert api("PATCH", path, anna, headers=headers, json={"name": "x"}).status_code == status
    expected = 204 if status == 200 else status
    after = {"if-match": '"2"'} if status == 200 else headers
    assert api("DELETE", path, anna, headers=after).status_code == expected


def test_who_has_a_record_as_it_is_gets_nothing_but_its_etag(api, anna, clients):
    path = f"{CLIENTS}/{clients[0].id}"
    etag = api("GET", path, anna).headers["etag"]
    for known, status in {etag: 304, f"W/{etag}": 304, f'"x", {etag}': 304, "*": 304, '"1"': 200, "x": 400}.items():
        for method in ("GET", "HEAD"):
            answer = api(method, path, anna, headers={"if-none-match": known})
            assert answer.status_code == status, known
            assert status == 400 or answer.headers["etag"] == etag
            assert answer.content == b"" or (method, status) != ("HEAD", 200)
    answer = api("GET", path, anna, headers={"if-none-match": etag})
    assert (answer.content, "content-type" in answer.headers) == (b"", False)
    assert api("GET", f"{path}?expand=company", anna, headers={"if-none-match": etag}).status_code == 200
    api("PATCH", path, anna, headers={"if-match": etag}, json={"name": "Other"})
    assert api("GET", path, anna, headers={"if-none-match": etag}).status_code == 200


def test_who_may_not_see_a_record_does_not_learn_whether_it_is_as_they_know_it(api, anna, otto, clients):
    path = f"{CLIENTS}/{clients[0].id}"
    etag = api("GET", path, anna).headers["etag"]
    headers = {"if-none-match": etag, "x-request-id": "r"}
    hidden, none = api("GET", path, otto, headers=headers), api("GET", f"{CLIENTS}/{new_id()}", otto, headers=headers)
    assert (hidden.status_code, hidden.content) == (404, none.content)


@pytest.mark.parametrize(
    "query", ["fields=name,NAME", "expand=NAME", "expand=company&fields=company.NAME", "expand=company.NAME"]
)
def test_what_is_shown_has_to_be_there_whether_a_record_is_found_or_not(api, crm, anna, query):
    def asked(name):
        shown = query.replace("NAME", name)
        with_none = api("GET", f"{CLIENTS}?{shown}", anna)
        batch = api("POST", f"{CLIENTS}/batch?{shown}", anna, json={"items": [{"op": "delete", "id": str(bare.id)}]})
        return [with_none, api("GET", f"{CLIENTS}/{bare.id}?{shown}", anna), batch]

    with crm.write(anna) as db:
        bare = db.create(Client(name="No company"))
        db.delete(db.create(Client(name="Gone")))
    for answers in zip(asked("secret"), asked("nosuch"), strict=True):
        assert [answer.status_code for answer in answers] == [400, 400]
        assert answers[0].text.replace("secret", "nosuch") == answers[1].text
    assert api("GET", f"{CLIENTS}/{bare.id}", anna).status_code == 200


def test_entity_and_fields_made_at_run_time_are_there_at_once(api, crm, people):
    admin = people.user("Root", roles=["core.administrator"])
    made = api("POST", "/api/v1/core/custom_entities", admin, json={"slug": "visit_plan", "label": "Plan"})
    assert made.status_code == 201, made.text
    path = "/api/v1/custom/visit_plans"
    kept = api("POST", "/api/v1/core/custom_fields", admin, json={
        "entity": "custom.visit_plan", "key": "size", "label": "Size", "type": "decimal"})  # fmt: skip
    assert kept.status_code == 201, kept.text
    plan = api("POST", path, admin, json={"name": "Plan", "custom": {"size": "1.50"}})
    assert (plan.status_code, plan.json()["custom"]) == (201, {"size": "1.50"}), plan.text
    assert names(api("GET", f"{path}?custom.size__gte=1.5", admin)) == ["Plan"]


@both_databases
def test_condition_follows_a_reference_that_was_made_at_run_time(api, crm, people, anna, clients):
    admin = people.user("Root", roles=["core.administrator"])
    with crm.write(admin) as db:
        db.create(CustomField(entity="shop.client", key="agent_id", type="reference", label="Agent",
                              options={"entity": "shop.company", "on_delete": "clear"}))  # fmt: skip
    with crm.write(admin) as db:
        agent = db.create(Company(name="Agent", city="Bonn"))
        db.update(db.get(Client, clients[3].id), {"custom.agent_id": agent.id})
    assert names(api("GET", f"{CLIENTS}?custom.agent.city=Bonn", anna)) == ["Client 3"]
    assert names(api("GET", f"{CLIENTS}?custom.agent.city__ne=Bonn&rank=1", anna)) == [
        "Client 7",
        "Client 4",
        "Client 1",
    ]
    for unknown in ("custom.agent.nosuch", "custom.nosuch.city", "custom.agent.city.name"):
        answer = api("GET", f"{CLIENTS}?{unknown}=x", anna)
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:crmkit:problem:unknown-field"), unknown


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{", JSON, 400),
        (b"", JSON, 400),
        (b"[]", JSON, 422),
        (b'"x"', JSON, 422),
        (b"\xff", JSON, 400),
        (b'{"name": "\\ud800"}', JSON, 400),
        (b"[" * 100_000, JSON, 400),
        (b'{"name": "a\\u0000"}', JSON, 422),
        (b"name=x", {"content-type": "application/x-www-form-urlencoded"}, 415),
        (b"x" * 10_000_001, JSON, 413),
    ],
)
def test_body_that_is_no_record_is_refused(api, anna, content, headers, status):
    answer = api("POST", CLIENTS, anna, headers=headers, content=content)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text


def test_refused_values_are_told_field_by_field(api, anna):
    answer = api("POST", CLIENTS, anna, json={"rate": 1.5, "rank": "x", "loyalty": {"tier": 5}})
    assert answer.status_code == 422
    assert [(error["field"], error["problem"]) for error in answer.json()["errors"]] == [
        ("rate", "invalid"), ("rank", "invalid"), ("loyalty.tier", "invalid")
    ]  # fmt: skip
    assert answer.json()["errors"][0]["message"] == "expected text such as 12.50, got '1.5'"


def test_problem_is_told_in_the_language_of_who_asks(api, people):
    wang = people.user("王", team="North", roles=["shop.clerk"], locale="zh_CN")
    answer = api("POST", CLIENTS, wang, json={})
    assert answer.json()["errors"] == [{"field": "name", "problem": "required", "message": "必须填写"}]


def test_head_is_get_without_a_body_and_options_tells_the_methods(api, anna, clients):
    path = f"{CLIENTS}/{clients[0].id}"
    read, head = api("GET", path, anna), api("HEAD", path, anna)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == read.headers["content-length"]
    assert set(api("OPTIONS", path).headers["allow"].split(", ")) >= {"GET", "PATCH", "DELETE"}
