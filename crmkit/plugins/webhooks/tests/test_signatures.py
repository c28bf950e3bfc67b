"""A verifier of Standard Webhooks that is not ours accepts what we send, while a secret is changed and afterwards."""

from datetime import timedelta

import attrs
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from crmkit import CRM, Network, SystemClock
from crmkit.plugins.sales.entities import Deal
from crmkit.plugins.webhooks import services
from crmkit.plugins.webhooks.entities import Delivery, Endpoint


@pytest.fixture
def crm(make_crm):
    """A CRM in the present: the verifier looks at the clock."""
    made = make_crm("webhooks", "sales", clock=SystemClock())
    config = attrs.evolve(made.config, network=Network(["127.0.0.1/32"]))
    crm = CRM(config, plugins=made.plugins)
    yield crm
    crm.close()


def accepts(secret, message, body=None):
    try:
        Webhook(secret).verify(message.body if body is None else body, message.headers)
    except WebhookVerificationError:
        return False
    return True


def test_receiver_verifies_messages_with_either_secret_while_both_count(crm, dora, receive, make_worker):
    receiver, worker = receive(), make_worker(crm)
    with crm.write(dora) as db:
        made = db.create(Endpoint(name="Other", url=receiver.url(), events=["crm.sales.deal.*"]))

    def tell():
        with crm.write(dora) as db:
            db.create(Deal(name="Pilot"))
        worker.run_until_idle()
        return receiver.messages[-1]

    first = tell()
    assert accepts(made.secret, first)
    assert not accepts(made.secret, first, first.body + b" ")
    assert not accepts(services.secrets_of(made, crm.clock.now())[0][:-4] + "AAA=", first)
    assert not accepts(made.secret, attrs.evolve(first, headers={**first.headers, "webhook-id": "another"}))
    assert not accepts(made.secret, attrs.evolve(first, headers={**first.headers, "webhook-timestamp": "1"}))

    with crm.write(dora) as db:
        changed = services.rotate_secret(db, made, overlap=timedelta(hours=1))
    second = tell()
    assert len(second.headers["webhook-signature"].split()) == 2
    assert accepts(made.secret, second)
    assert accepts(changed.secret, second)
    assert not accepts(changed.secret, first)

    with crm.write(dora) as db:
        db.update(changed, old_secret=None)
    third = tell()
    assert not accepts(made.secret, third)
    assert accepts(changed.secret, third)
    with crm.read(dora) as db:
        assert {str(each.id) for each in db.find(Delivery)} == {m.headers["webhook-id"] for m in receiver.messages}
