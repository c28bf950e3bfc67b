"""T08, T10, T11, T12 and T14: what is foreign is nothing, and nobody does more with what they see than they may."""

import pytest

from crmkit import Grant, new_id
from crmkit.core.policy.people import Share
from crmkit.plugins.sales.entities import Deal
from crmkit.plugins.workspace import services
from crmkit.plugins.workspace.entities import File
from crmkit.rest.app import DOORS
from crmkit.testing import both_databases
from tests.rest.abuse.asking import ALL, ANY, CANARY, DEALS, told
from tests.rest.test_denied import asked, digest

AT_RECORDS = [door for door in DOORS if "{plugin" in door.path and "{record" in door.path]
FILES = "/api/v1/workspace/files"


@pytest.mark.parametrize("door", AT_RECORDS, ids=lambda door: door.name)
def test_t08_every_route_of_a_foreign_record_is_nothing_for_everybody(api, seller, others, mine, foreign, door):
    for who in (seller, *others):
        path, body = asked(door, *foreign, who)
        sent = {} if door.method == "GET" else {"json": body}
        query = {"params": {"verb": "read"}} if door.name == "explain" else {}
        answer = api(door.method, path, who, headers=ANY, **sent, **query)
        assert answer.status_code == 404, (who.name, answer.text)
        assert CANARY not in answer.text + str(answer.headers)


@pytest.mark.parametrize("door", [door for door in DOORS if "{job" in door.path], ids=lambda door: door.name)
def test_t08_every_route_of_a_foreign_job_is_nothing_for_everybody(api, root, seller, others, foreign, door):
    job = api("POST", f"{DEALS}/exports", root, json={}).json()["id"]
    for who in (seller, *others):
        answers = []
        for id_ in (job, str(new_id())):
            path = door.path.replace("{job:str}", id_).replace("{file:str}", str(new_id()))
            answers.append(told(api(door.method, path, who), id_))
        assert answers[0][0] == 404, answers
        assert answers[0] == answers[1]


def test_t08_address_of_somebody_invisible_is_known_by_nobody(api, people, others):
    email, nobody = f"{CANARY}@example.org", others[-1]
    hidden = people.user("Hidden", email=email)
    for path in (f"/{hidden.user_id}", f"/{email}", f"?email={email}", f'?filter=email=="{email}"'):
        answer = api("GET", f"/api/v1/core/users{path}", nobody)
        assert answer.status_code == 404
        assert CANARY not in answer.text


@pytest.fixture
def file(crm, root, foreign):
    """A file that hangs on a foreign deal."""
    content = crm.contents.put("plan.txt", [CANARY.encode()])
    with crm.write(root) as db:
        return services.attach(db, foreign[0], content)


@both_databases
def test_t10_foreign_file_is_nothing_cannot_be_copied_and_is_kept(crm, api, people, mine, seller, root, file):
    people.assign(seller, "workspace.member")
    sent = api("POST", "/api/v1/uploads?name=deals.csv", root, content=f"name\n{CANARY}\n").json()["id"]
    before, at = digest(crm), f"{FILES}/{file.id}"
    copy = {"name": "mine.txt", "content_type": "text/plain", "size": 12, "content_hash": file.content_hash}
    copy["regarding"] = {"entity": "sales.deal", "id": str(mine.id)}
    refused = {
        404: [
            api("GET", at, seller),
            api("PATCH", at, seller, headers=ANY, json={"name": "mine"}),
            api("PATCH", at, seller, headers=ANY, json={"regarding": copy["regarding"]}),
            api("DELETE", at, seller, headers=ANY),
            api("POST", f"{at}/restore", seller),
            api("POST", f"{at}/transfer", seller, headers=ANY, json={"owner_id": str(seller.user_id)}),
            *(
                api("POST", "/api/v1/imports", seller, json={"plan": _PLAN, "files": {"deals.csv": id_}})
                for id_ in (str(file.id), sent)
            ),
        ],
        422: [api("POST", FILES, seller, json=copy), api("PUT", f"{FILES}/external/erp/1", seller, json=copy)],
    }
    for status, answers in refused.items():
        assert [answer.status_code for answer in answers] == [status] * len(answers), [a.text for a in answers]
        assert not [answer for answer in answers if CANARY in answer.text]
    assert api("GET", FILES, seller).json()["items"] == []
    assert digest(crm) == before
    with crm.system("test") as db:
        assert b"".join(crm.contents.read(db.get(File, file.id).content_hash)) == CANARY.encode()


_PLAN = """
system = "old"
[[step]]
file = "deals.csv"
entity = "sales.deal"
external_id = "{name}"
[step.fields]
name = "name"
"""


@both_databases
def test_t11_restoring_merging_and_unmerging_take_the_right_to_delete(crm, api, people, root):
    people.role("keeper", [Grant("sales.deal", [verb for verb in ALL if verb != "delete"], "own")])
    keeper = people.user("Kay", roles=["keeper"])
    with crm.system("test") as db:
        one, other, gone, lost = db.create_many([Deal(name=f"Kay {n}", owner_id=keeper.user_id) for n in range(4)])
        db.delete(gone)
        db.merge(other, [lost])
    before, losers = digest(crm), {"losers": [str(other.id)]}
    restored, unmerged = (f"{DEALS}/{gone.id}/restore", f"{DEALS}/{lost.id}/unmerge")
    nothing = {path: told(api("POST", f"{DEALS}/{new_id()}/{path}", keeper)) for path in ("restore", "unmerge")}
    assert told(api("POST", restored, keeper), str(gone.id))[0] == nothing["restore"][0] == 404
    assert api("GET", f"{DEALS}/{gone.id}", keeper).status_code == 404
    assert api("GET", f"{DEALS}?deleted=true&count=true", keeper).json()["items"] == []
    assert api("POST", f"{DEALS}/{one.id}/merge", keeper, headers=ANY, json=losers).status_code == 403
    assert api("POST", unmerged, keeper, headers=ANY).status_code in (403, 404)
    assert digest(crm) == before
    assert api("POST", restored, root).status_code == 200


@both_databases
def test_t12_nobody_shares_at_a_level_above_their_own(crm, api, people, mine, seller, root):
    people.role("sharer", [Grant("sales.deal", ["read", "share"], "all")])
    sharer, friend = people.user("Sha", roles=["sharer"]), people.user("Fri")
    shares, with_friend = f"{DEALS}/{mine.id}/shares", {"user_id": str(friend.user_id)}
    before = digest(crm)
    for who in (sharer, friend):
        refused = api("POST", shares, who, headers=ANY, json={**with_friend, "level": "write"})
        assert refused.status_code == (403 if who is sharer else 404), refused.text
    forged = {"record": {"entity": "sales.deal", "id": str(mine.id)}, **with_friend, "level": "write"}
    assert api("POST", "/api/v1/core/shares", sharer, json=forged).status_code in (403, 404)
    assert digest(crm) == before

    assert api("POST", shares, sharer, headers=ANY, json=with_friend).status_code == 201
    with_root = {"user_id": str(root.user_id)}
    for level in ("read", "write"):
        assert api("POST", shares, friend, headers=ANY, json={**with_root, "level": level}).status_code == 403
    with crm.system("test") as db:
        assert [(share.user_id, share.level) for share in db.find(Share)] == [(friend.user_id, "read")]
    assert api("POST", shares, seller, headers=ANY, json={**with_friend, "level": "write"}).status_code == 201
    # What somebody else gave with right, one who may not write cannot take back.
    assert api("POST", shares, sharer, headers=ANY, json=with_friend).status_code == 403
    assert api("DELETE", f"{shares}?user_id={friend.user_id}", sharer, headers=ANY).status_code == 403


@pytest.mark.parametrize("verb", ["update", "delete", "move", "transfer"])
def test_t14_batch_with_a_foreign_record_changes_nothing(crm, api, seller, mine, foreign, verb):
    more = {"update": {"values": {"name": "New"}}, "move": {"stage": "engaging"}, "transfer": {"owner_id": None}}
    before = digest(crm)
    items = [{"op": verb, "id": str(each.id), **more.get(verb, {})} for each in (mine, foreign[0], mine)]
    answer = api("POST", f"{DEALS}/batch", seller, json={"items": items})
    assert (answer.status_code, answer.json()["index"]) == (404, 1), answer.text
    assert digest(crm) == before
