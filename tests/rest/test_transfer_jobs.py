"""Exports and imports as jobs over HTTP: done by a worker with the rights of who asked, and seen by them alone."""

import csv
import io
import os
import resource
import tempfile
import time
import zipfile
from pathlib import Path
from uuid import UUID

import attrs
import pytest

from crmkit import Assignment, Grant, Mask, Money, Owned, Role, entity, field, new_id, translator
from crmkit.core.configuration.config import Files
from crmkit.core.forgetting.passing import forget_passing_files
from crmkit.core.passing.files import file_of
from crmkit.testing import both_databases, plugin

_ = translator("tests")


@entity("shop.client", label=_("Client"))
class Client(Owned):
    name: str = field()
    worth: Money | None = field(default=None)
    secret: str | None = field(default=None)


ROLES = [
    Role("shop.clerk", _("Clerk"),
         [Grant("shop.client", ["read", "create", "update"], "team"), Grant("shop.client", ["export"], "own")],
         [Mask("shop.client", ["secret"])]),
    Role("shop.reader", _("Reader"), [Grant("shop.client", ["read"], "team")]),
]  # fmt: skip
CLIENTS = "/api/v1/shop/clients"
PLAN = """
system = "old"
[[step]]
file = "clients.csv"
entity = "shop.client"
external_id = "{id}"
[step.fields]
name = "name"
worth = {column = "worth", currency = "EUR"}
"""
ROWS = "id,name,worth\n1,Acme,10\n2,Globex,many\n3,Umbrella,30\n"


@pytest.fixture
def crm(make_crm, database, clock, tmp_path):
    made = make_crm(plugin("shop", entities=[Client], roles=ROLES), database=database, clock=clock)
    made.config = attrs.evolve(made.config, files=Files(str(tmp_path / "files")))
    return made


@pytest.fixture
def anna(people):
    return people.user("Anna", team="North", roles=["shop.clerk"])


@pytest.fixture
def bo(people):
    return people.user("Bo", team="North", roles=["shop.clerk"])


def upload(api, who, content, name="clients.csv"):
    answer = api("POST", f"/api/v1/uploads?name={name}", who, content=content)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def start_import(api, who, content=ROWS, plan=PLAN):
    files = {"clients.csv": upload(api, who, content)}
    answer = api("POST", "/api/v1/imports", who, json={"plan": plan, "files": files})
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/api/v1/jobs/{answer.json()['id']}"
    return answer.headers["location"]


@both_databases
def test_export_as_a_job_is_there_for_who_asked_and_for_nobody_else(api, crm, people, anna, bo, work):
    with crm.write(bo) as db:
        db.create(Client(name="Bo's"))
    with crm.write(anna) as db:
        db.create_many([Client(name="=Acme", worth=Money.of(1, "EUR")), Client(name="Globex")])
    asked = {"format": "csv", "filter": 'name != "x"', "fields": ["name"], "order_by": ["name"]}
    answer = api("POST", f"{CLIENTS}/exports", anna, json=asked)
    assert (answer.status_code, answer.json()["state"], answer.json()["files"]) == (202, "ready", []), answer.text
    work()
    job = api("GET", answer.headers["location"], anna).json()
    assert (job["state"], job["name"], job["progress"]["done"]) == ("done", "core.export", 2), job
    (file,) = job["files"]
    assert (file["name"], file["kind"], file["media_type"]) == ("clients.csv", "export", "text/csv; charset=utf-8")
    found = api("GET", file["address"], anna)
    assert found.content.decode("utf-8-sig") == "name\r\n'=Acme\r\nGlobex\r\n"
    assert found.headers["content-disposition"] == 'attachment; filename="clients.csv"'
    root = people.user("Root", roles=["core.administrator"])
    for other, seen in ((bo, 404), (root, 200)):
        assert api("GET", answer.headers["location"], other).status_code == seen
        assert api("GET", file["address"], other).status_code == 404
    assert api("GET", answer.headers["location"], root).json()["files"] == []


def test_file_goes_after_a_day(api, crm, anna, work, clock):
    with crm.write(anna) as db:
        db.create(Client(name="Acme"))
    place = api("POST", f"{CLIENTS}/exports", anna, json={}).headers["location"]
    work()
    (file,) = api("GET", place, anna).json()["files"]
    clock.advance(hours=25)
    assert api("GET", file["address"], anna).status_code == 404
    assert api("GET", place, anna).json()["files"] == []


def test_export_that_cannot_be_is_refused_at_once(api, people, anna):
    reader = people.user("Rita", team="North", roles=["shop.reader"])
    assert api("POST", f"{CLIENTS}/exports", reader, json={}).status_code == 403
    for asked in ({"fields": ["secret"]}, {"filter": "secret == null"}, {"order_by": ["nosuch"]}, {"format": "pdf"}):
        assert api("POST", f"{CLIENTS}/exports", anna, json=asked).status_code == 400


@both_databases
def test_import_tells_what_became_of_it_and_its_errors_can_be_corrected(api, crm, anna, bo, work):
    place = start_import(api, anna)
    work()
    job = api("GET", place, anna).json()
    assert (job["state"], job["report"]["created"], job["report"]["rejected"]) == ("done", 2, 1), job
    (file,) = job["files"]
    assert (file["name"], file["kind"]) == ("clients.errors.csv", "errors")
    assert api("GET", file["address"], bo).status_code == 404
    text = api("GET", file["address"], anna).content.decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["crmkit:line"], row["name"]) == ("3", "Globex")

    again = start_import(api, anna, text.replace("many", "20"))
    work()
    assert api("GET", again, anna).json()["report"]["created"] == 1
    with crm.read(anna) as db:
        assert sorted(client.name for client in db.find(Client)) == ["Acme", "Globex", "Umbrella"]
        assert {client.owner_id for client in db.find(Client)} == {anna.user_id}


def test_job_is_listed_by_a_state_that_there_is(api, anna):
    for state in ("null", "NULL", "None", "", "nosuch"):
        assert api("GET", f"/api/v1/jobs?state={state}", anna).status_code == 400, state


@pytest.mark.parametrize(
    ("plan", "files"),
    [
        ("x = [", {"clients.csv": None}),
        (PLAN, {}),
        (PLAN, {"other.csv": None}),
        (PLAN.replace("clients.csv", "../clients.csv"), {"../clients.csv": None}),
        (PLAN.replace("clients.csv", "/etc/passwd"), {"/etc/passwd": None}),
        (PLAN.replace("clients.csv", "a\\\\b.csv"), {"a\\b.csv": None}),
        (PLAN.replace('name = "name"', 'secret = "name"'), {"clients.csv": None}),
    ],
)
def test_t25_plan_that_leads_elsewhere_or_makes_no_sense_is_refused_at_once(api, anna, plan, files):
    files = dict.fromkeys(files, upload(api, anna, ROWS))
    answer = api("POST", "/api/v1/imports", anna, json={"plan": plan, "files": files})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:crmkit:problem:import-plan"), answer.text


def test_upload_of_somebody_else_is_answered_as_none(api, anna, bo):
    answers = [
        api("POST", "/api/v1/imports", anna, json={"plan": PLAN, "files": {"clients.csv": str(id_)}})
        for id_ in (upload(api, bo, ROWS), new_id())
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content


def test_import_of_what_is_no_table_says_so(api, anna, work):
    place = start_import(api, anna, b"PK\x03\x04 no workbook")
    work()
    job = api("GET", place, anna).json()
    assert job["state"] == "done"
    assert job["report"]["refused"]["code"].startswith("source"), job
    assert not list(Path(tempfile.gettempdir()).glob(f"crmkit-import-{job['id']}"))


def test_t24_workbook_that_unpacks_to_much_is_refused_fast_in_little_memory(api, anna, work):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("[Content_Types].xml", "<Types/>")
        book.writestr("xl/workbook.xml", b" " * 50_000_000)
    plan = PLAN.replace("clients.csv", "clients.xlsx")
    files = {"clients.xlsx": upload(api, anna, packed.getvalue(), "clients.xlsx")}
    place = api("POST", "/api/v1/imports", anna, json={"plan": plan, "files": files}).headers["location"]
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    work()
    assert time.process_time() - started < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before <= 64 * 1024
    report = api("GET", place, anna).json()["report"]
    assert report["refused"]["code"] == "source-too-large", report


@pytest.mark.long
@both_databases
def test_what_was_passing_is_forgotten_at_night(api, crm, anna, clock):
    upload(api, anna, ROWS)
    clock.advance(hours=20)
    kept = upload(api, anna, ROWS)
    clock.advance(hours=5)
    assert sum(forget_passing_files(lambda: crm.system("test"), clock.now())) == 1
    with crm.read(anna) as db:
        assert str(file_of(db, UUID(kept)).id) == kept


def test_what_cancelled_work_left_on_the_disk_of_its_worker_is_forgotten_after_three_days(
    api, anna, work, tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    names = ["crmkit-import-old", "crmkit-import-new", "crmkit-export-old", "elsewhere"]
    old, new, other, elsewhere = (tmp_path / name for name in names)
    for folder in (old, new, other, elsewhere):
        (folder / "files").mkdir(parents=True)
        (folder / "files" / "clients.csv").write_text(ROWS)
    link = tmp_path / "crmkit-import-link"
    link.symlink_to(elsewhere)
    then = time.time() - 73 * 3600
    for folder in (old, other, elsewhere):
        os.utime(folder, (then, then))
    start_import(api, anna)
    work()
    assert sorted(path.name for path in tmp_path.glob("*") if path.is_dir()) == sorted(
        [new.name, other.name, elsewhere.name, link.name, "files"]
    )
    assert (elsewhere / "files" / "clients.csv").exists()


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "state=odd", "nosuch=1", "name=%00"])
def test_question_about_jobs_that_makes_no_sense_is_refused(api, anna, query):
    assert api("GET", f"/api/v1/jobs?{query}", anna).status_code == 400


def test_job_is_cancelled_by_who_asked(api, crm, anna, bo, work):
    place = start_import(api, anna)
    assert api("POST", f"{place}/cancel", bo).status_code == 404
    assert api("POST", f"{place}/cancel", anna).json()["state"] == "cancelled"
    work()
    with crm.read(anna) as db:
        assert db.count(Client) == 0
    assert [job["state"] for job in api("GET", "/api/v1/jobs?state=cancelled", anna).json()["items"]] == ["cancelled"]
    assert api("GET", "/api/v1/jobs", bo).json()["items"] == []
    assert api("POST", f"{place}/retry", anna).status_code == 403


def test_import_has_the_rights_that_who_asked_has_when_it_runs(api, crm, people, anna, work):
    start_import(api, anna)
    with crm.system("test") as db:
        db.delete_many(db.find(Assignment, Assignment.f.user_id == anna.user_id))
    work()
    with crm.system("test") as db:
        assert db.count(Client) == 0


def test_t24_file_that_is_too_large_is_refused_before_it_is_kept(api, anna, monkeypatch):
    api.app.state.surface.most_file_bytes = 1000
    answer = api("POST", "/api/v1/uploads", anna, content=b"x" * 1001)
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:crmkit:problem:body-too-large")


def test_t24_body_of_a_stranger_is_not_kept(api):
    assert api("POST", "/api/v1/uploads", content=b"x" * 5_000_000).status_code == 401
