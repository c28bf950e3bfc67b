"""A write that the database refuses with the values in its words: no log and no answer tells them."""

import io

import pytest
import sqlalchemy as sa

from crmkit.core.configuration.config import Log
from crmkit.observing.logs import logs_set_up
from crmkit.plugins.sales.entities import Deal
from crmkit.testing import both_databases

DEALS = "/api/v1/sales/deals"
# Not where the code that fails can be quoted.
SECRET = "-".join(["planted", "4711"])
# With quotes inside, so that what stands between two quotes is not all of it; with lines that look like the end.
VALUES = [SECRET, f'a" {SECRET} "b', f"a' {SECRET} 'b", f"a\nDETAIL: x\n{SECRET}", f"[SQL: {SECRET}]\n{SECRET}"]
# What a company may have added to its tables.
_PLPGSQL = (
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "IF new.description LIKE '%planted%' THEN {}; END IF; RETURN new; END $$; "
    "CREATE TRIGGER t BEFORE INSERT OR UPDATE ON sales_deal FOR EACH ROW EXECUTE FUNCTION f()"
)
POSTGRESQL = [
    "ALTER TABLE sales_deal ADD CONSTRAINT ck CHECK (description NOT LIKE '%planted%')",
    _PLPGSQL.format("RAISE EXCEPTION 'no %, %', new.description, new.name USING DETAIL = new.description"),
    _PLPGSQL.format("PERFORM new.description::integer"),
]
_SQLITE = (
    "CREATE TRIGGER t{verb} BEFORE {verb} ON sales_deal WHEN new.description LIKE '%planted%' BEGIN SELECT {does}; END"
)
SQLITE = ["RAISE(ABORT, 'no planted-4711')", "json(new.description)", "json_extract('{}', new.description)"]


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm("sales", database=database, clock=clock)


@pytest.fixture
def logged():
    """Return what is logged from now on."""
    stream = io.StringIO()
    with logs_set_up(Log("json"), stream=stream):
        yield stream.getvalue


def refused(crm, api, root, added):
    """Return the answers to writing every value by every way into a table with what was *added*."""
    with crm.system("test") as db:
        deal = db.create(Deal(name="Pilot"))
    with crm.storage.writing() as connection:
        for statement in added:
            connection.execute(sa.text(statement))
    answers = []
    for value in VALUES:
        given = {"name": f"{SECRET} Ltd", "description": value}
        answers += [
            api("POST", DEALS, root, json=given),
            api("PATCH", f"{DEALS}/{deal.id}", root, headers={"if-match": "*"}, json={"description": value}),
            api("PUT", f"{DEALS}/external/erp/1", root, json=given),
            api("POST", f"{DEALS}/batch", root, json={"items": [{"op": "create", "values": given}] * 2}),
        ]
    return answers


@both_databases
@pytest.mark.parametrize("place", range(3))
def test_values_of_a_refused_write_are_told_nowhere(crm, api, people, database, logged, place):
    root = people.user("Root", roles=["core.administrator"])
    triggers = [_SQLITE.format(verb=verb, does=SQLITE[place]) for verb in ("INSERT", "UPDATE")]
    answers = refused(crm, api, root, triggers if crm.storage.is_sqlite else [POSTGRESQL[place]])
    assert {answer.status_code // 100 for answer in answers} <= {4, 5}
    assert not [answer for answer in answers if SECRET in answer.text + str(answer.headers)]
    assert ("exception" in logged()) == any(answer.status_code == 500 for answer in answers)
    assert SECRET not in logged()
    assert "Ltd" not in logged()
