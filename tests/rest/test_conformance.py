"""What the OpenAPI document promises is kept: no request breaks the server, and every answer is as it is described."""

from __future__ import annotations

import pytest

from crmkit.testing import both_databases
from tests.rest.conformance import Root, ask

PLUGINS = ("commerce", "customers", "sales", "webhooks", "workspace")


@pytest.fixture
def crm(make_crm, database, tmp_path, monkeypatch):
    # Files that are sent are kept below.
    monkeypatch.chdir(tmp_path)
    return make_crm(*PLUGINS, database=database)


@pytest.fixture
def root(crm, people):
    return Root(crm, people.user("Root", roles=["core.administrator"]))


def show(found, least):
    print(sum(found.statuses.values()), "requests:", dict(sorted(found.statuses.items())))
    assert not found.failures, "\n\n".join(found.failures)
    done = sum(number for status, number in found.statuses.items() if 200 <= status < 300)
    assert done >= least, "too little was done to prove anything"


@pytest.mark.slow
@both_databases
def test_every_operation_of_the_document_keeps_its_promise(crm, root):
    show(ask(crm, root, "fuzzing", examples=2), least=300)


@pytest.mark.slow
@both_databases
def test_operations_one_after_the_other_keep_their_promise(crm, root):
    show(ask(crm, root, "stateful", examples=60, at="/(sales/deals|customers/companies|workspace/tasks)"), least=1)
