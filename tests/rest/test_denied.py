"""T09, T13: what is denied leaves the database as it was, and nobody sets what crmkit sets."""

import hashlib
import json

import pytest
import sqlalchemy as sa

from crmkit import new_id
from crmkit.plugins.customers.entities import Company
from crmkit.plugins.sales.entities import Deal
from crmkit.rest.app import DOORS
from crmkit.testing import both_databases

DEALS = "/api/v1/sales/deals"
# What a door takes, so that it is denied for who asks and not for what is asked.
BODIES = {
    "create": {"name": "New"},
    "change": {"name": "Changed"},
    "move": {"stage": "engaging"},
    "transfer": {"owner_id": None},
    "share": {"user_id": "ME"},
    "merge": {"losers": ["OTHER"]},
    "preview merge": {"losers": ["OTHER"]},
    "find matches": {"name": "New"},
    "put by external id": {"name": "New"},
    "batch": {"items": [{"action": "update", "id": "RECORD", "values": {"name": "Changed"}}]},
}
# What changes nothing; of records in view, the viewer may be told of others like them.
READS = {"preview merge", "find matches"}
MUTATING = [door for door in DOORS if door.method != "GET" and "{plugin" in door.path]


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm("sales", database=database, clock=clock)


@pytest.fixture
def anna(people):
    return people.user("Anna", team="North", roles=["sales.manager", "customers.manager"])


@pytest.fixture
def deals(crm, anna):
    with crm.write(anna) as db:
        company = db.create(Company(name="Acme"))
        return db.create_many([Deal(name=f"Deal {n}", company_id=company.id) for n in range(2)])


def digest(crm):
    """Return a digest of every row of every table."""
    found = hashlib.sha256()
    with crm.storage.reading() as connection:
        for name, table in sorted(crm.schema.metadata.tables.items()):
            rows = sorted(map(repr, connection.execute(sa.select(table)).all()))
            found.update(repr((name, rows)).encode())
    return found.hexdigest()


def asked(door, deal, other, who):
    path = door.path.replace("{plugin:str}", "sales").replace("{collection:str}", "deals")
    path = path.replace("{record:str}", str(deal.id)).replace("{system:str}", "erp").replace("{value:path}", "1")
    path += f"?user_id={who.user_id}" if door.name == "unshare" else ""
    body = json.dumps(BODIES.get(door.name, {})).replace("ME", str(who.user_id)).replace("OTHER", str(other.id))
    return path, json.loads(body.replace("RECORD", str(deal.id)))


@both_databases
def test_t09_every_change_that_is_denied_leaves_the_database_as_it_was(crm, api, people, deals):
    deal, other = deals
    viewer = people.user("Vera", team="North", roles=["sales.viewer", "customers.viewer"])
    stranger = people.user("Otto", team="South", roles=["sales.agent"])
    nobody = people.user("Nemo", member=False)
    with crm.read(viewer) as db:
        assert db.get(Deal, deal.id)
    before = digest(crm)
    for door in MUTATING:
        for who in (viewer, stranger, nobody, None):
            if who is stranger and ("{record" not in door.path or door.name in READS):
                continue
            path, body = asked(door, deal, other, who or viewer)
            headers = {"if-match": "*", "idempotency-key": f"{door.name.replace(' ', '-')}"}
            answer = api(door.method, path, who, headers=headers, json=body)
            is_read = door.name in READS and who is viewer
            assert 400 <= answer.status_code < 500 or is_read or _refused_in_part(answer), (door.name, who, answer.text)
            assert digest(crm) == before, (door.name, who)


def _refused_in_part(answer):
    """A batch may tell of each item that it was refused."""
    return answer.status_code == 207 and all(each["status"] >= 400 for each in answer.json()["results"])


PROTECTED = {
    "id": str(new_id()),
    "version": 7,
    "created_at": "2020-01-01T00:00:00Z",
    "updated_at": "2020-01-01T00:00:00Z",
    "created_by": str(new_id()),
    "deleted_at": "2020-01-01T00:00:00Z",
    "number": "D-999999",
    "pipeline_version": 9,
    "stage_kind": "won",
    "stage_entered_at": "2020-01-01T00:00:00Z",
    "custom": "x",
    "__entity__": "x",
    "merged_into": str(new_id()),
}
CHANGED_BY_VERBS = {"owner_id": str(new_id()), "team_id": str(new_id()), "stage": "won", "pipeline": "sales.default"}
WAYS = {
    "create": ("POST", DEALS, {}),
    "change": ("PATCH", f"{DEALS}/ID", {"if-match": "*"}),
    "put": ("PUT", f"{DEALS}/external/erp/17", {}),
    "matches": ("POST", f"{DEALS}/matches", {}),
}


# Whether owner and stage may be given to a new record, the grant to create it decides.
COMBINATIONS = [(way, name) for way in WAYS for name in PROTECTED] + [("change", name) for name in CHANGED_BY_VERBS]


@pytest.mark.parametrize(("way", "name"), COMBINATIONS)
def test_t13_what_crmkit_sets_is_refused_and_stays_as_it_is(crm, api, anna, deals, way, name):
    method, path, headers = WAYS[way]
    value = {**PROTECTED, **CHANGED_BY_VERBS}[name]
    before = digest(crm)
    for given in (value, None, {"set": value}, [value]):
        body = {"name": "Pilot", name: given}
        if name == "custom" and isinstance(given, dict):
            body = {"name": "Pilot", "custom": {"id": value}}
        answer = api(method, path.replace("ID", str(deals[0].id)), anna, headers=headers, json=body)
        assert answer.status_code in (400, 422), (given, answer.text)
        assert digest(crm) == before
