"""A small shop behind the HTTP API, asked through ASGI as a server asks it."""

from __future__ import annotations

import contextlib
from uuid import UUID

import pytest
import sqlalchemy as sa
from litestar.testing import TestClient

from crmkit.auth import NotSignedInError
from crmkit.core.jobs.worker import Worker
from crmkit.core.policy.principal import Principal
from crmkit.rest.app import build_app
from crmkit.rest.identities import Identity


class Api:
    """Asks the HTTP API of one CRM in the name of people; who that is stands in a header, and needs no token."""

    def __init__(self, crm, **options):
        self.crm = crm
        self.app = build_app(crm, identify=self._identify, **options)
        self.client = TestClient(self.app, base_url="http://127.0.0.1", raise_server_exceptions=True)

    def _identify(self, call):
        given = call.headers.get("authorization", "").removeprefix("User ")
        if not given:
            raise NotSignedInError
        return Identity(Principal(UUID(given), "somebody"))

    def __call__(self, method, path, principal=None, *, headers=None, **options):
        sent = dict(headers or {})
        if principal is not None:
            sent["authorization"] = f"User {principal.user_id}"
        return self.client.request(method, path, headers=sent, **options)


@pytest.fixture
def make_api():
    with contextlib.ExitStack() as stack:

        def make(crm, **options):
            api = Api(crm, **options)
            stack.enter_context(api.client)
            return api

        yield make


@pytest.fixture
def work(crm):
    """Let a worker do what there is to do."""
    worker = Worker(crm)
    yield worker.run_until_idle
    worker.close()


@pytest.fixture
def api(crm, make_api):
    return make_api(crm)


@pytest.fixture
def statements(crm):
    """The texts of all statements that the database gets."""
    found = list[str]()

    def note(_connection, _cursor, statement, *_more):
        found.append(statement)

    sa.event.listen(crm.storage.engine, "before_cursor_execute", note)
    yield found
    sa.event.remove(crm.storage.engine, "before_cursor_execute", note)
