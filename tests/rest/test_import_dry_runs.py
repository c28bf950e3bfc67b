"""Dry runs of imports over HTTP: a job that tells what the import would do, and of which nothing is kept."""

import csv
import io
from threading import Event, Thread

import attrs
import pytest
import sqlalchemy as sa

from crmkit.core.configuration.config import Files
from crmkit.core.jobs.worker import Worker
from crmkit.plugins.customers.entities import Company
from crmkit.testing import both_databases
from crmkit.transfer import jobs as transfer_jobs, sweep
from tests.faults.processes import run
from tests.rest.dry_run_killed import begin_dry_run

# What is there for the job itself, and passes.
PASSING = {"core_job", "core_passing_file", "core_worker"}
PLAN = """
system = "old"
[[step]]
file = "companies.csv"
entity = "customers.company"
external_id = "{id}"
[step.fields]
name = "name"
website = "website"
parent_id = { external_id = "{parent}" }
"""
ROWS = """id,name,website,parent
1,Acme,https://acme.example,
2,Acme Berlin,https://acme.example/berlin,1
3,Globex,no address,
4,Globex Bonn,,3
"""


@pytest.fixture
def crm(make_crm, database, clock, tmp_path):
    made = make_crm("customers", database=database, clock=clock)
    made.config = attrs.evolve(made.config, files=Files(str(tmp_path / "files")))
    return made


@pytest.fixture
def anna(people):
    return people.user("Anna", team="North", roles=["customers.agent"])


@pytest.fixture
def ask(api, anna):
    """Send rows to be imported, or to see what that would do; return the address of the job."""

    def send(rows=ROWS, plan=PLAN, *, dry_run=True):
        file = api("POST", "/api/v1/uploads?name=companies.csv", anna, content=rows).json()
        asked = {"plan": plan, "files": {"companies.csv": file["id"]}, "dry_run": dry_run}
        answer = api("POST", "/api/v1/imports", anna, json=asked)
        assert answer.status_code == 202, answer.text
        return answer.headers["location"]

    return send


@pytest.fixture
def kept(crm):
    """Return everything that the database has, but for what is there for jobs."""

    def read():
        with crm.storage.reading() as connection:
            found = {
                table.name: sorted(map(repr, connection.execute(sa.select(table))))
                for table in crm.schema.metadata.tables.values()
                if table.name not in PASSING
            }
            # How far events are told.
            found["core_checkpoint"] = [row for row in found["core_checkpoint"] if "'core.events'" not in row]
            if not crm.storage.is_sqlite:
                sequence = "SELECT last_value, is_called FROM seq_customers_company"
                found["number"] = [repr(row) for row in connection.exec_driver_sql(sequence)]
        return found

    return read


def told(job):
    """Return what a job tells of the rows."""
    (step,) = job["report"]["steps"]
    return {name: step[name] for name in ("rows", "created", "updated", "unchanged", "skipped", "rejected")}


@both_databases
def test_dry_run_tells_what_the_import_then_does_and_nothing_of_it_is_kept(api, anna, ask, work, kept):
    ask("id,name,website,parent\n1,Old,,\n", dry_run=False)
    work()
    before = kept()

    place = ask()
    assert api("GET", place, anna).json()["name"] == "core.import_dry_run"
    work()
    tried = api("GET", place, anna).json()
    assert (tried["state"], tried["report"]["dry_run"]) == ("done", True), tried
    assert told(tried) == {"rows": 4, "created": 1, "updated": 1, "unchanged": 0, "skipped": 0, "rejected": 2}
    assert kept() == before

    place = ask(dry_run=False)
    work()
    done = api("GET", place, anna).json()
    assert told(done) == told(tried)
    assert done["report"]["problems"] == tried["report"]["problems"]
    errors = [api("GET", job["files"][0]["address"], anna).content for job in (tried, done)]
    assert errors[0] == errors[1]
    assert [row["crmkit:line"] for row in csv.DictReader(io.StringIO(errors[0].decode("utf-8-sig")))] == ["4", "5"]
    assert kept() != before


def test_only_who_asked_sees_what_a_dry_run_tells(api, people, ask, work):
    place = ask()
    work()
    other = people.user("Bo", team="North", roles=["customers.agent"])
    assert api("GET", place, other).status_code == 404


@pytest.mark.long
@both_databases
def test_others_write_while_a_dry_run_goes_on_and_see_how_far_it_is(api, crm, people, anna, ask, monkeypatch):
    place = ask("id,name,website,parent\n" + "".join(f"{n},Company {n},,\n" for n in range(300)))
    bo = people.user("Bo", team="North", roles=["customers.agent"])
    write, half_way, go_on = sweep.Sweep._write, Event(), Event()

    def slowly(self, batch, source, rows):
        write(self, batch, source, rows)
        if rows < 300:
            half_way.set()
            assert go_on.wait(30)

    monkeypatch.setattr(sweep.Sweep, "_write", slowly)
    worker = Worker(crm)
    working = Thread(target=worker.run_until_idle)
    working.start()
    try:
        assert half_way.wait(30)
        with crm.write(bo) as db:
            number = db.create(Company(name="Bo's")).number
            assert db.count(Company) == 1
        assert number == "C-000001"
        shown = api("GET", place, anna).json()
    finally:
        go_on.set()
        working.join()
        worker.close()
    assert (shown["state"], shown["progress"]["done"]) == ("running", 100)
    assert told(api("GET", place, anna).json())["created"] == 300


@both_databases
def test_f01_dry_run_whose_worker_was_killed_is_done_anew(api, crm, anna, clock, ask, kept, work):
    rows = "id,name,website,parent\n" + "".join(f"{n},Company {n},{'' if n % 9 else 'no'},\n" for n in range(90))
    work()
    place, before = ask(rows), kept()
    assert run(begin_dry_run, crm.config.database.url, crm.config.files.folder, 3) == -9
    assert kept() == before
    assert api("GET", place, anna).json()["state"] == "running"

    # The lease of the dead one comes to its end first.
    clock.advance(minutes=2)
    work()
    job = api("GET", place, anna).json()
    assert job["state"] == "done", job
    assert told(job) == {"rows": 90, "created": 80, "updated": 0, "unchanged": 0, "skipped": 0, "rejected": 10}
    assert len(api("GET", job["files"][0]["address"], anna).text.splitlines()) == 11
    assert kept() == before


@both_databases
def test_dry_run_for_which_others_would_wait_for_long_is_refused(api, crm, anna, ask, work, monkeypatch):
    monkeypatch.setattr(transfer_jobs, "_MOST_HELD", 3)
    places = [ask(ROWS), ask(ROWS.rsplit("4,", 1)[0])]
    work()
    large, small = (api("GET", place, anna).json() for place in places)
    assert told(small)["rows"] == 3
    if crm.storage.is_sqlite:
        assert told(large)["rows"] == 4
    else:
        assert (large["report"]["refused"]["code"], large["files"]) == ("dry-run-too-large", [])


def test_dry_run_that_is_cancelled_leaves_nothing(api, anna, ask, work, kept):
    place = ask()
    assert api("POST", f"{place}/cancel", anna).json()["state"] == "cancelled"
    before = kept()
    work()
    assert api("GET", place, anna).json()["report"] is None
    assert kept() == before
