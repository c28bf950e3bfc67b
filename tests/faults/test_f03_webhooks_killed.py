"""F03 for webhooks: kill -9 while messages are sent. Each comes in at least once, under one id, and none is missing."""

from collections import Counter
from random import Random

import pytest

from crmkit.plugins.customers.entities import Company
from crmkit.plugins.webhooks.entities import Delivery, Endpoint
from crmkit.plugins.webhooks.tests.receivers import Receiver
from crmkit.testing import both_databases
from tests.faults.processes import CONTEXT
from tests.faults.sending import send


@pytest.mark.slow
@both_databases
@pytest.mark.parametrize(("kills", "messages"), [(2, 60), (20, 1000)])
def test_f03_every_message_comes_in_whoever_is_killed(make_crm, database, kills, messages):
    receiver, chance = Receiver(), Random(kills)
    # The receiver is reached once the configuration says so; until then it is a name that nobody has looked up.
    crm = make_crm("webhooks", "customers", database=database)
    with crm.system("test") as db:
        user = db.create(db.entity("core.user")(name="Ada"))
        db.create(db.entity("core.assignment")(user_id=user.id, role="core.administrator"))
        endpoint = Endpoint(name="Other", url="https://example.com/", events=["crm.customers.*"], acts_as_id=user.id)
        made = db.create(endpoint)
        db.create_many([Company(name=str(place)) for place in range(messages)])
    to_receiver(crm, made, receiver)

    killed = life = 0
    while killed <= kills:
        started, before = CONTEXT.Event(), len(receiver.messages)
        keys = crm.config.encryption.keys
        child = CONTEXT.Process(target=send, args=(crm.config.database.url, keys, life, started))
        child.start()
        assert started.wait(120)
        life += 1
        wanted = before + chance.randrange(1, max(2, messages // (kills + 1)))
        while killed < kills and child.is_alive() and len(receiver.messages) < wanted:
            child.join(0.001)
        if killed < kills:
            child.kill()
        child.join(300)
        killed += 1
    assert child.exitcode == 0
    receiver.close()

    told = Counter(event["data"]["record"]["name"] for event in receiver.events)
    assert set(told) == {str(place) for place in range(messages)}
    ids = {(event["id"], event["data"]["record"]["name"]) for event in receiver.events}
    assert len(ids) == messages
    with crm.system("look") as db:
        assert {each.state for each in db.find(Delivery, limit=2000)} == {"delivered"}


def to_receiver(crm, endpoint, receiver):
    """Let *endpoint* lead to this machine, as if the configuration had allowed it."""
    table = crm.schema.tables["webhooks_endpoint"]
    with crm.storage.writing() as connection:
        connection.execute(table.update().where(table.c.id == endpoint.id).values(url=receiver.url()))
