"""What proves who somebody is, in a record of any plugin, is in no message."""

import attrs
import pytest

from crmkit import CRM, Network, Owned, entity, field, translator
from crmkit.plugins.webhooks.entities import Endpoint
from crmkit.testing import People, both_databases, plugin

_ = translator("tests")


@entity("gate.door", label=_("Door"))
class Door(Owned):
    name: str = field()
    code: str | None = field(default=None, encrypted=True, credential=True)


@pytest.fixture
def crm(make_crm, database, clock):
    made = make_crm("webhooks", plugin("gate", entities=[Door]), database=database, clock=clock)
    config = attrs.evolve(made.config, network=Network(["127.0.0.1/32"]))
    crm = CRM(config, plugins=made.plugins, clock=clock)
    yield crm
    crm.close()


@both_databases
def test_t06_message_says_that_a_credential_changed_and_not_what_it_is(crm, receive, make_worker):
    receiver = receive()
    ida = People(crm).user("Ida", roles=["webhooks.developer", "gate.everything"])
    with crm.write(ida) as db:
        db.create(Endpoint(name="Other", url=receiver.url(), events=["crm.gate.*"]))
        db.create(Door(name="Main", code="canary"))
    make_worker(crm).run_until_idle()

    (message,) = receiver.messages
    assert message.event["data"]["record"]["name"] == "Main"
    assert "code" in message.event["data"]["changed"]
    assert "canary" not in str(message.event)
    with crm.read(ida) as db:
        assert [door.code for door in db.find(Door)] == ["canary"]
