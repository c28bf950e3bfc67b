"""What the OpenAPI document promises is kept: no request breaks the server, and every answer is as it is described."""

from __future__ import annotations

import attrs
import pytest
from litestar.testing import TestClient

from crmkit.auth import set_password
from crmkit.rest.app import build_app
from crmkit.testing import both_databases
from tests.rest.conformance import Findings, Root, ask, linked
from tests.rest.likely import known, pruned

PLUGINS = ("commerce", "customers", "sales", "webhooks", "workspace")
PASSWORD = "correct horse battery"
#: Operations that a link leads to and that are not done all the same, and why.
NOT_DONE = {
    "get_file_of_job": "no worker runs here that makes a file; test_transfer_jobs.py gets one",
    "sign_in.remove_passkey": "a passkey is made by a browser; test_passkeys.py removes one",
}


@pytest.fixture
def crm(make_crm, database, tmp_path, monkeypatch):
    # Files that are sent are kept below.
    monkeypatch.chdir(tmp_path)
    crm = make_crm(*PLUGINS, database=database)
    # More is asked than anybody may in a minute.
    server = attrs.evolve(crm.config.server, requests_per_minute=0)
    monkeypatch.setattr(crm, "config", attrs.evolve(crm.config, server=server))
    return crm


@pytest.fixture
def principal(people):
    return people.user("Root", email="root@example.org", roles=["core.administrator"])


@pytest.fixture
def root(crm, principal):
    return Root(crm, principal)


@pytest.fixture
def app(crm):
    return build_app(crm)


@pytest.fixture
def told(crm, root):
    """The document as the administrator reads it, with records that are there."""
    with crm.read(root.principal) as db:
        access = db.access
    return known(crm, access)


@pytest.fixture
def session(crm, app, principal):
    """What a browser sends of its session."""
    with crm.system("test") as db:
        set_password(db, principal.user_id, PASSWORD, least=12)
    client = TestClient(app, base_url="http://127.0.0.1")
    begun = client.post("/api/v1/sign-in", json={"login": "root@example.org", "password": PASSWORD})
    (cookie,) = client.cookies.jar
    return {"Cookie": f"{cookie.name}={cookie.value}", "X-CSRF-Token": begun.json()["csrf_token"]}


def check(found, least, share):
    print(f"{found.requests} requests, {found.share:.0%} of those of the form that is asked for were accepted")
    for operation, statuses in sorted(found.statuses.items()):
        print(f"  {operation}: {dict(sorted(statuses.items()))}")
    assert not found.failures, "\n\n".join(found.failures)
    assert found.requests >= least, "too little was asked to prove anything"
    assert found.share >= share, "too little was accepted to prove anything"


@both_databases
def test_lists_and_new_records_keep_their_promise(app, root, told):
    tags = told.of(lambda path: path == "/api/v1/workspace/tags")
    check(ask(app, tags, root.headers, "coverage"), least=60, share=0.2)


def test_uploads_and_imports_keep_their_promise_as_bodies_and_as_forms(app, root, told):
    files = told.of(lambda path: path in ("/api/v1/uploads", "/api/v1/imports"))
    forms = [operation["post"]["requestBody"]["content"] for operation in files["paths"].values()]
    assert all("multipart/form-data" in content for content in forms)
    check(ask(app, files, root.headers, "coverage"), least=60, share=0.1)


@pytest.mark.slow
@both_databases
@pytest.mark.parametrize("plugin", ["core", *PLUGINS])
def test_every_boundary_of_the_records_of_every_entity_keeps_its_promise(app, root, told, plugin):
    for entity in told.entities_of(plugin):
        print(entity)
        check(ask(app, told.about(entity), root.headers, "coverage"), least=600, share=0.15)


@pytest.mark.slow
@both_databases
def test_every_boundary_of_what_concerns_no_single_entity_keeps_its_promise(app, root, told):
    check(ask(app, told.beside(), root.headers, "coverage"), least=500, share=0.15)


@pytest.mark.slow
@both_databases
def test_every_boundary_of_the_doors_of_sessions_keeps_its_promise(app, session, told):
    found = ask(app, told.of(lambda path: "/sign-in" in path), session, "coverage")
    check(found, least=300, share=0.2)
    assert {"sign_in.show_session", "sign_in.make_token", "sign_in.invite", "sign_in.sign_out"} <= found.done


@pytest.mark.slow
@both_databases
def test_every_operation_of_the_document_keeps_its_promise(app, root, told):
    check(ask(app, told.of(lambda path: True), root.headers, "fuzzing", examples=2), least=3000, share=0.3)


@pytest.mark.slow
@both_databases
@pytest.mark.parametrize("entity", ["customers.company", "sales.deal", "workspace.task"])
def test_records_are_followed_along_every_link_of_the_document(app, root, told, entity):
    follow(app, root.headers, told.about(entity), without=("/external/", "/exports"))


@pytest.mark.slow
@both_databases
def test_external_ids_jobs_and_tokens_are_followed_along_every_link(app, root, session, told):
    follow(app, root.headers, told.of(lambda path: path.startswith("/api/v1/sales/deals/external")), share=0.15)
    follow(app, root.headers, told.of(lambda path: path == "/api/v1/sales/deals/exports" or "/jobs" in path))
    follow(app, session, told.of(lambda path: "/sign-in/tokens" in path or "/sign-in/passkeys/{" in path))


@pytest.mark.slow
@both_databases
def test_what_is_deleted_is_gone_for_every_operation(app, root, told):
    tasks = told.about("workspace.task")
    for verb in ("restore", "unmerge", "merge", "merge/preview"):
        del tasks["paths"][f"/api/v1/workspace/tasks/{{record}}/{verb}"]
    check(ask(app, pruned(tasks), root.headers, "stateful", examples=15), least=100, share=0.4)


def follow(app, headers, document, without=(), share=0.4):
    """Ask *document* in rows of requests until each operation that a link leads to was done, some rounds at most."""
    paths = {path: each for path, each in document["paths"].items() if not any(part in path for part in without)}
    document = pruned({**document, "paths": paths})
    found = Findings()
    for seed in range(1, 7):
        found += ask(app, document, headers, "stateful", examples=15, seed=seed)
        lacking = linked(document) - found.done - NOT_DONE.keys()
        if not lacking or found.failures:
            break
    check(found, least=50, share=share)
    assert not lacking, "these were never done"
