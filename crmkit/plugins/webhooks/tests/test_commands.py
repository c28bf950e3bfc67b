"""The commands of the plugin."""

from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from crmkit.plugins.sales.entities import Deal

from .. import commands
from ..entities import Endpoint


class Session:
    """The least that a surface gives to commands."""

    def __init__(self, crm, person, as_json=True):
        self.crm, self.person, self.as_json = crm, person, as_json
        self.shown, self.said = [], []

    @contextmanager
    def reader(self):
        with self.crm.read(self.person) as db:
            yield db

    @contextmanager
    def writer(self):
        with self.crm.write(self.person) as db:
            yield db

    def show(self, data, *, columns=None):
        self.shown.append(data)

    def say(self, text):
        self.said.append(text)


@pytest.fixture
def run(crm, dora):
    def run(*arguments, as_json=True, code=0):
        session = Session(crm, dora, as_json)
        result = CliRunner().invoke(commands.cli, list(map(str, arguments)), obj=session)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return session.shown[-1] if session.shown else result.output

    return run


def test_webhook_is_made_shown_changed_and_switched(run, receive):
    url = receive().url()
    made = run("add", "Other", url, "--event", "crm.sales.*", "--entity", "sales.deal", "--where", "amount > 3")
    assert (made["events"], made["entity"], made["condition"]) == (["crm.sales.*"], "sales.deal", "amount > 3")
    assert run("show", "Other") == made == run("show", made["id"])
    changed = run("rotate-secret", "Other", "--hours", 2)
    assert (changed["old_secret"], changed["old_secret_ends_at"]) == (made["secret"], "2026-03-02T14:00:00Z")
    assert run("off", "Other")["is_active"] is False
    assert run("on", "Other")["is_active"] is True
    assert [each["id"] for each in run("list")] == [made["id"]]
    assert "called 'Nobody'" in run("show", "Nobody", code=2)


def test_source_is_made_and_listed(run):
    made = run("add-source", "Website", "sales.web_leads")
    assert made["secret"].startswith("whsec_")
    assert [each["id"] for each in run("sources")] == [made["id"]]
    assert [each["hook"] for each in run("sources", as_json=False)] == ["sales.web_leads"]


def test_events_are_listed_with_their_meaning(run):
    meanings = {each["type"]: (each["label"], each["entity"]) for each in run("events")}
    assert meanings["crm.sales.deal.won.v1"] == ("Deal won", "sales.deal")
    assert meanings["crm.customers.company.created.v1"] == ("Created", "customers.company")
    assert not any(type_.startswith("crm.webhooks") for type_ in meanings)


def test_messages_are_listed_and_told_again(crm, dora, run, receive, make_worker):
    receiver = receive()
    run("add", "Other", receiver.url(), "--event", "crm.sales.deal.*")
    with crm.write(dora) as db:
        db.create_many([Deal(name=name) for name in "ab"])
    worker = make_worker(crm)
    worker.run_until_idle()
    sent = run("deliveries", "--endpoint", "Other", "--state", "delivered")
    assert len(sent) == 2
    assert run("deliveries", "--state", "dead") == []
    assert len(run("deliveries", "--limit", 1, as_json=False)) == 1

    run("replay", "Other", "--delivery", sent[0]["id"])
    worker.run_until_idle()
    run("replay", "Other", "--from", "2026-03-02T13:00+0100", "--until", "2026-03-02T13:00:01+0100", "--everything")
    worker.run_until_idle()
    run("replay", "Other")
    worker.run_until_idle()
    ids = [event["id"] for event in receiver.events]
    assert (len(ids), len(set(ids)), ids.count(sent[0]["id"])) == (5, 2, 3)
    with crm.read(dora) as db:
        assert db.count(Endpoint) == 1
