"""Spans of work are linked to what caused it: requests, writes, and other work; and nothing is kept untraced."""

import attrs
import pytest
import sqlalchemy as sa

from crmkit import CRM, Network
from crmkit.core.events.traced import Traced
from crmkit.core.observing import MOST_TRACES
from crmkit.core.policy.principal import Principal
from crmkit.observing.watching import watch
from crmkit.plugins.webhooks.entities import Endpoint
from crmkit.plugins.webhooks.tests.receivers import Receiver
from crmkit.rest.app import build_app
from crmkit.rest.identities import Identity
from crmkit.testing import People, both_databases

DEALS = "/api/v1/sales/deals"
TRACES = [f"{number:032x}" for number in range(0xA1, 0xA1 + 40)]


@pytest.fixture
def crm(make_crm, database, clock, tmp_path):
    """A CRM with webhooks that may reach this machine."""
    made = make_crm("webhooks", "sales", database=database, clock=clock)
    config = attrs.evolve(made.config, network=Network(["127.0.0.1/32"]))
    config = attrs.evolve(config, files=attrs.evolve(config.files, folder=str(tmp_path)))
    crm = CRM(config, plugins=made.plugins, clock=clock)
    yield crm
    crm.close()


@pytest.fixture
def anna(crm):
    return People(crm).user("Anna", roles=["sales.manager", "webhooks.developer", "workspace.member"])


@pytest.fixture
def ask(crm, anna):
    """Ask the HTTP API within a trace."""
    testing = pytest.importorskip("litestar.testing")
    app = build_app(crm, identify=lambda call: Identity(Principal(anna.user_id, "Anna")))
    with testing.TestClient(app, base_url="http://127.0.0.1") as client:

        def ask(trace, method, path, **options):
            answer = client.request(method, path, headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}, **options)
            assert answer.status_code < 400, answer.text
            return answer.json()

        yield ask


@pytest.fixture
def stored(crm):
    """Return what is kept of traces, in both places."""

    def stored():
        system = crm.schema.system
        with crm.storage.reading() as connection:
            asked = [sa.select(table.c.traces) for table in (system.job, system.outbox)]
            return [each for statement in asked for each in connection.scalars(statement) if each is not None]

    return stored


def trace_of(context):
    return f"{context.trace_id:032x}"


def linked(spans, name):
    """Return the traces to which the last span of this *name* is linked."""
    span = [each for each in spans if each.name == name][-1]
    assert span.parent is None
    assert trace_of(span.context) not in TRACES
    return [trace_of(link.context) for link in span.links]


@both_databases
def test_job_is_linked_to_the_request_that_enqueued_it(crm, ask, ended_spans, make_worker):
    watch(crm)
    ask(TRACES[0], "POST", f"{DEALS}/exports", json={"fields": ["name"]})
    make_worker(crm).run_until_idle()

    spans = ended_spans()
    (job,) = [span for span in spans if span.name == "job core.export"]
    (link,) = job.links
    (request,) = [span for span in spans if span.name == "POST enqueue export"]
    (transaction,) = [span for span in spans if span.context.span_id == link.context.span_id]

    assert (transaction.name, trace_of(link.context)) == ("transaction write", TRACES[0])
    assert transaction.parent.span_id == request.context.span_id
    assert (job.parent, trace_of(job.context) == TRACES[0]) == (None, False)


@both_databases
def test_what_a_write_makes_others_do_is_linked_to_it_over_every_step(crm, anna, ask, ended_spans, make_worker):
    watch(crm)
    receiver, worker = Receiver(), make_worker(crm)
    with crm.write(anna) as db:
        db.create(Endpoint(name="Other", url=receiver.url(), events=["crm.sales.deal.*"]))
    worker.run_until_idle()
    for trace in TRACES[:2]:
        ask(trace, "POST", DEALS, json={"name": "Pilot"})
    worker.run_until_idle()
    receiver.close()

    spans = ended_spans()
    assert len(receiver.messages) == 2
    # Everything is told at once to those who want to know of everything.
    assert linked(spans, "delivery webhooks.make_deliveries") == TRACES[:2]
    # The nearest is what made the messages.
    assert linked(spans, "job webhooks.send")[1:] == TRACES[:2]


@both_databases
def test_event_is_linked_to_its_own_transaction(crm, anna, ask, ended_spans, make_worker):
    watch(crm)
    company = ask(TRACES[0], "POST", "/api/v1/customers/companies", json={"name": "Acme"})
    given = {"name": "Pilot", "company_id": company["id"], "amount": {"amount": "5", "currency": "EUR"}}
    deal = ask(TRACES[1], "POST", DEALS, json=given)
    for trace, stage in zip(TRACES[2:], ["engaging", "won"], strict=False):
        ask(trace, "POST", f"{DEALS}/{deal['id']}/move", json={"stage": stage})
    ask(TRACES[4], "POST", DEALS, json={"name": "Another"})
    make_worker(crm).run_until_idle()

    assert linked(ended_spans(), "delivery sales.note_buyer") == [TRACES[3]]


def test_no_more_traces_are_kept_than_help(crm, ask, ended_spans, stored, make_worker):
    watch(crm)
    for trace in TRACES:
        ask(trace, "POST", DEALS, json={"name": "Pilot"})
    make_worker(crm).run_until_idle()

    newest = TRACES[-MOST_TRACES:]
    assert linked(ended_spans(), "delivery webhooks.make_deliveries") == newest
    assert max(map(len, stored())) <= MOST_TRACES


@both_databases
def test_nothing_is_kept_where_nobody_traces(crm, ask, stored, make_worker):
    for is_watched in (False, True):
        if is_watched:
            # There is an API, and nothing behind it that records.
            watch(crm)
        ask(TRACES[0], "POST", DEALS, json={"name": "Pilot"})
        ask(TRACES[0], "POST", f"{DEALS}/exports", json={"fields": ["name"]})
        make_worker(crm).run_until_idle()
        assert stored() == []


def test_traces_that_make_no_sense_are_no_links(ended_spans, crm):
    tracing = watch(crm).tracing
    sound = f"00-{TRACES[0]}-00f067aa0ba902b7-01"
    with tracing.work("job", "post.weigh", ["", "00-0-0-00", "x" * 500, sound]):
        pass
    (span,) = ended_spans()
    assert [trace_of(link.context) for link in span.links] == [TRACES[0]]


@pytest.mark.parametrize(("position", "told"), [(3, ()), (4, "a"), (6, "a"), (7, ()), (9, "b"), (10, ())])
def test_row_is_known_by_the_traces_of_its_transaction(position, told):
    assert Traced([(4, 6, "a"), (9, 9, "b")]).at(position) == told
