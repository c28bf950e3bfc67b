"""T15 to T17: nobody gives themselves power, a policy with a hole gives none, and what is made anew inherits none."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from litestar.testing import TestClient

from crmkit import Assignment, Grant, new_id
from crmkit.auth import invite, make_token
from crmkit.core.policy.people import GrantRecord, MaskRecord, Membership, RoleRecord, Share
from crmkit.core.policy.roles import VERBS
from crmkit.plugins.sales.entities import Deal
from crmkit.rest.app import build_app
from crmkit.testing import both_databases
from tests.rest.abuse.asking import ALL, ANY, CANARY, DEALS
from tests.rest.test_denied import digest

CORE = "/api/v1/core"
# What gives power, or takes away what stands in its way.
POWER = {
    "assignments": {"user_id": "ME", "role": "core.administrator"},
    "roles": {"name": "mighty", "label": "Mighty"},
    "grants": {"role_id": "ROLE", "entity": "*", "verbs": "read update", "scope": "all"},
    "masks": {"role_id": "ROLE", "entity": "sales.deal", "field_name": "amount", "access": "read_only"},
    "memberships": {"user_id": "ME", "team_id": "TEAM"},
    "teams": {"name": "Mine", "parent_id": None},
    "users": {"name": "Me again", "team_id": "TEAM"},
    "shares": {"record": {"entity": "sales.deal", "id": "DEAL"}, "user_id": "ME", "level": "write"},
}


@pytest.fixture
def with_token(crm):
    """Return what asks with a token that is limited to some scopes; the API is reached as it is, and knows tokens."""
    with TestClient(build_app(crm), base_url="http://127.0.0.1") as client:

        def of(principal, *scopes):
            with crm.write(principal) as db:
                token = make_token(db, "test", scopes=scopes, expires_at=crm.clock.now() + timedelta(days=1))

            def ask(method, path, headers=None, **options):
                shown = {"authorization": f"Bearer {token.text}", **(headers or {})}
                return client.request(method, path, headers=shown, **options)

            ask.token = token
            return ask

        yield of


@pytest.fixture
def held(crm, people, root, foreign):
    """One record of everything that gives power, none of it the seller's; and an assignment in the bin."""
    people.role("mighty", [Grant("*", VERBS, "all")])
    team = people.team("Board")
    with crm.system("test") as db:
        (role,) = db.find(RoleRecord, RoleRecord.f.name == "mighty")
        mask = db.create(MaskRecord(role_id=role.id, entity="sales.deal", field_name="amount"))
        member = db.create(Membership(user_id=root.user_id, team_id=team.id))
        (grant,) = db.find(GrantRecord, GrantRecord.f.role_id == role.id)
        (admin,) = db.find(Assignment, Assignment.f.role == "core.administrator")
        share = db.share(foreign[0], user=root.user_id, level="write")
    found = {"assignments": admin, "roles": role, "grants": grant, "masks": mask, "memberships": member, "teams": team}
    return {name: str(record.id) for name, record in found.items()} | {
        "users": str(root.user_id),
        "shares": str(share.id),
    }


def filled(given, me, held, deal):
    places = {"ME": str(me.user_id), "ROLE": held["roles"], "TEAM": held["teams"], "DEAL": str(deal.id)}
    return {
        name: filled(value, me, held, deal) if isinstance(value, dict) else places.get(value, value)
        for name, value in given.items()
    }


def condition(path):
    """Return what is said of the version: any will do, but where something new is to come about."""
    return {} if "/external/" in path else ANY


def attempts(name, given, id_):
    """Return every request that would make the record *given* of power, or change, end or copy the one with *id_*."""
    place, at = f"{CORE}/{name}", f"{CORE}/{name}/{id_}"
    item = {"create": {"values": given}, "update": {"id": id_, "values": given}, "delete": {"id": id_}}
    return [
        ("POST", place, given),
        ("PUT", f"{place}/external/erp/1", given),
        ("PATCH", at, given),
        ("DELETE", at, None),
        ("POST", f"{at}/restore", None),
        ("POST", f"{at}/merge", {"losers": [str(new_id())]}),
        ("POST", f"{at}/shares", {"user_id": str(new_id()), "level": "write"}),
        *(("POST", f"{place}/batch", {"items": [{"op": verb, **values}]}) for verb, values in item.items()),
    ]


@both_databases
def test_t15_nobody_gives_themselves_power_by_any_way_to_write(crm, api, people, seller, held, foreign):
    people.role("auditor", [Grant(f"core.{name.removesuffix('s')}", ["read", "export"], "all") for name in POWER])
    auditor = people.user("Audrey", roles=["auditor", "seller"])
    before = digest(crm)
    for who in (seller, auditor):
        for name, values in POWER.items():
            given = filled(values, who, held, foreign[0])
            for method, path, body in attempts(name, given, held[name]):
                answer = api(method, path, who, headers=condition(path), **({} if body is None else {"json": body}))
                # What one does not see is not there; what one sees is refused.
                known = who is auditor and answer.request.url.path.count("/") == 4 and method == "POST"
                assert answer.status_code in ((403,) if known else (403, 404, 422)), (who, method, path, answer.text)
                assert digest(crm) == before, (who.name, method, path)
    assert api("GET", f"{CORE}/roles", auditor).json()["items"]


_ROLES = """
system = "old"
[[step]]
file = "a.csv"
entity = "core.assignment"
external_id = "{user}"
[step.fields]
user_id = {find = "name", column = "user"}
role = "role"
"""


def test_t15_import_gives_nobody_power(crm, api, seller, root, make_worker):
    rows = "user,role\nSela,core.administrator\n"
    answers = []
    for who in (seller, root):
        file = api("POST", "/api/v1/uploads?name=a.csv", who, content=rows).json()["id"]
        answers.append(api("POST", "/api/v1/imports", who, json={"plan": _ROLES, "files": {"a.csv": file}}))
    assert [answer.status_code for answer in answers] == [422, 202], [answer.text for answer in answers]
    with crm.system("test") as db:
        # The right to give roles may be lost while the work waits.
        db.delete_many(db.find(Assignment, Assignment.f.user_id == root.user_id))
    make_worker(crm).run_until_idle()
    with crm.system("test") as db:
        assert {each.role for each in db.find(Assignment)} == {"core.member", "seller"}


@both_databases
def test_t15_token_of_an_administrator_gives_no_power_beyond_its_scopes(crm, with_token, root, seller, held, foreign):
    narrow = [with_token(root, "sales:write"), with_token(root, "core:read"), with_token(root, "*:read")]
    # That it was used is kept the first time.
    assert {ask("GET", "/api/v1/me").status_code for ask in narrow} == {200}
    before = digest(crm)
    for ask in narrow:
        for name, values in POWER.items():
            for method, path, body in attempts(name, filled(values, seller, held, foreign[0]), held[name]):
                answer = ask(method, path, headers=condition(path), **({} if body is None else {"json": body}))
                assert answer.status_code in (403, 404), (method, path, answer.text)
                assert digest(crm) == before, (method, path)
    enough = with_token(root, "core:write")
    assert enough("POST", f"{CORE}/roles", json={"name": "new", "label": "New"}).status_code == 201


HOLES = [
    {"scope": "rule", "rule": None},
    {"scope": "rule", "rule": ""},
    {"scope": "rule", "rule": "false"},
    {"scope": "rule", "rule": "nosuch == 1"},
    {"scope": "rule", "rule": "name == 1"},
    {"scope": "rule", "rule": "this is no rule"},
    {"scope": None},
    {"scope": ""},
    {"scope": "everything"},
    {"verbs": None},
    {"verbs": ""},
    {"verbs": "   "},
    {"verbs": "read fly"},
    {"verbs": []},
    {"entity": None},
    {"entity": ""},
    {"entity": "gone.entity"},
    {"entity": "sales"},
    {"entity": "sales.*"},
    {"role_id": None},
    {"role_id": "01900000-0000-7000-8000-000000000000"},
]


@pytest.mark.parametrize("hole", HOLES, ids=str)
def test_t16_grant_with_a_hole_is_refused_or_gives_nothing(crm, api, people, root, foreign, hole):
    role = api("POST", f"{CORE}/roles", root, json={"name": "holed", "label": "Holed"}).json()["id"]
    holder = people.user("Hol", roles=["holed"], member=False)
    sound = {"role_id": role, "entity": "sales.deal", "verbs": "read", "scope": "all"}
    assert api("POST", f"{CORE}/grants", root, json={**sound, **hole}).status_code in (201, 400, 422)
    for path in ("", f"/{foreign[0].id}", "/aggregate?measures=count", "/export", "/board"):
        answer = api("GET", DEALS + path, holder)
        assert answer.status_code in (200, 403, 404)
        assert CANARY not in answer.text
    assert api("GET", f"/api/v1/search?q={CANARY}", holder).json()["items"] == []
    # Without the hole it gives what it says.
    assert api("POST", f"{CORE}/grants", root, json=sound).status_code == 201
    assert CANARY in api("GET", DEALS, holder).text


@both_databases
def test_t16_token_without_scopes_is_not_made_and_one_that_lost_them_opens_nothing(
    crm, with_token, clock, root, foreign
):
    for scopes in ([], [""], ["gone:read"], ["sales"], ["*"], ["sales:everything"]):
        made = {"name": "Report", "scopes": scopes, "expires_at": "2027-01-01T00:00:00Z"}
        assert with_token(root, "*:write")("POST", "/api/v1/sign-in/tokens", json=made).status_code in (401, 403, 422)
    ask = with_token(root, "sales:read")
    assert len(ask("GET", DEALS).json()["items"]) == 2
    table = crm.schema.tables["core_token"]
    for lost in ("", " ", "gone:read", "sales", "*"):
        with crm.storage.writing() as connection:
            connection.execute(sa.update(table).where(table.c.id == ask.token.token.id).values(scopes=lost))
        # What is changed past crmkit is not noticed at once.
        clock.advance(minutes=2)
        answer = ask("GET", DEALS)
        assert answer.status_code in (401, 404), (lost, answer.text)
        assert CANARY not in answer.text


@both_databases
def test_t16_user_without_roles_or_with_one_that_is_gone_opens_nothing(crm, api, people, root, foreign):
    people.role("passing", [Grant("sales.deal", ALL, "all")])
    holder = people.user("Hol", roles=["passing"], member=False)
    assert len(api("GET", DEALS, holder).json()["items"]) == 2
    with crm.system("test") as db:
        (role,) = db.find(RoleRecord, RoleRecord.f.name == "passing")
    assert api("DELETE", f"{CORE}/roles/{role.id}", root, headers=ANY).status_code == 204
    # One that is gone, and one that nobody ever made, is not assigned; where it still is, it gives nothing.
    assignment = crm.schema.tables["core_assignment"]
    for name, real in {"gone.role": "sales.agent", "sales": "sales.viewer", "*": "sales.manager"}.items():
        given = {"user_id": str(holder.user_id), "role": name}
        assert api("POST", f"{CORE}/assignments", root, json=given).status_code == 422
        assert api("POST", f"{CORE}/assignments", root, json={**given, "role": real}).status_code == 201
        held = (assignment.c.user_id == holder.user_id, assignment.c.role == real)
        with crm.storage.writing() as connection:
            connection.execute(sa.update(assignment).where(*held).values(role=name))
    people.user("Somebody")
    for path in (DEALS, f"{DEALS}/{foreign[0].id}", f"{DEALS}/export"):
        assert api("GET", path, holder).status_code == 404
    assert api("POST", DEALS, holder, json={"name": "New"}).status_code == 404


@both_databases
def test_t17_user_made_anew_inherits_neither_rights_nor_tokens_nor_links(crm, api, with_token, people, root, foreign):
    una = {"name": "Una", "email": "una@example.org"}
    first = people.user(**una, roles=["sales.manager"])
    with crm.system("test") as db:
        db.share(foreign[0], user=first.user_id)
    ask = with_token(first, "*:write")
    assert ask("GET", f"{DEALS}/{foreign[0].id}").status_code == 200
    with crm.write(root) as db:
        link = invite(db, first.user_id).ticket
    assert api("DELETE", f"{CORE}/users/{first.user_id}", root, headers=ANY).status_code == 204
    made = api("POST", f"{CORE}/users", root, json=una)
    assert made.status_code == 201, made.text

    assert ask("GET", "/api/v1/me").status_code == 401
    set_ = {"ticket": link, "password": "eleven purple kettles"}
    assert api("POST", "/api/v1/sign-in/invitation", json=set_).status_code == 410
    with crm.system("test") as db:
        for cls in (Assignment, Membership, Share):
            assert db.count(cls, cls.f.user_id == made.json()["id"]) == 0
    again = people_of(api, made)
    assert api("GET", DEALS, again).status_code == 404
    # Nor does who comes back from the bin.
    back = api("POST", f"{CORE}/users/{first.user_id}/restore", root)
    assert back.status_code in (200, 409, 422), back.text
    assert ask("GET", "/api/v1/me").status_code == 401
    assert api("POST", "/api/v1/sign-in/invitation", json=set_).status_code == 410


def people_of(api, made):
    from crmkit.core.policy.principal import Principal

    return Principal(made.json()["id"], made.json()["name"])


@both_databases
def test_t17_field_and_role_made_anew_inherit_no_values_masks_and_grants(crm, api, people, root, foreign):
    field = {"entity": "sales.deal", "key": "secret", "type": "text", "label": "Secret"}
    one = api("POST", f"{CORE}/custom_fields", root, json=field).json()["id"]
    deal = f"{DEALS}/{foreign[0].id}"
    assert api("PATCH", deal, root, headers=ANY, json={"custom": {"secret": "canary"}}).status_code == 200
    people.role("seer", [Grant("sales.deal", ["read"], 'custom.secret == "canary"')])
    seer = people.user("Sia", roles=["seer"])
    assert len(api("GET", DEALS, seer).json()["items"]) == 1

    assert api("DELETE", f"{CORE}/custom_fields/{one}", root, headers=ANY).status_code == 204
    assert api("POST", f"{CORE}/custom_fields", root, json=field).status_code == 201
    assert api("GET", deal, root).json()["custom"]["secret"] is None
    assert api("PATCH", deal, root, headers=ANY, json={"custom": {"secret": "canary"}}).status_code == 200
    assert api("GET", deal, seer).status_code == 404

    people.role("temporary", [Grant("sales.deal", ["read"], "all")])
    holder = people.user("Tom", roles=["temporary"])
    with crm.system("test") as db:
        (role,) = db.find(RoleRecord, RoleRecord.f.name == "temporary")
    assert api("DELETE", f"{CORE}/roles/{role.id}", root, headers=ANY).status_code == 204
    again = api("POST", f"{CORE}/roles", root, json={"name": "temporary", "label": "Again"}).json()["id"]
    given = {"role_id": again, "entity": "sales.deal", "verbs": "read", "scope": "all"}
    assert api("POST", f"{CORE}/grants", root, json=given).status_code == 201
    assert api("GET", deal, holder).status_code == 404


@both_databases
def test_t17_record_made_anew_under_an_external_id_is_not_shared(crm, api, people, root):
    friend = people.user("Fri", roles=["sales.agent"])
    place = f"{DEALS}/external/erp/17"
    first = api("PUT", place, root, json={"name": "First"}).json()["id"]
    shared = api("POST", f"{DEALS}/{first}/shares", root, headers=ANY, json={"user_id": str(friend.user_id)})
    assert (shared.status_code, api("GET", f"{DEALS}/{first}", friend).status_code) == (201, 200)
    assert api("DELETE", f"{DEALS}/{first}", root, headers=ANY).status_code == 204
    second = api("POST", DEALS, root, json={"name": "First"}).json()["id"]
    assert [api("GET", f"{DEALS}/{id_}", friend).status_code for id_ in (first, second)] == [404, 404]
    with crm.system("test") as db:
        assert db.count(Deal) == 1
