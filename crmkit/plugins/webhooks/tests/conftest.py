import attrs
import pytest

from crmkit import CRM, Network
from crmkit.plugins.webhooks.entities import Delivery, Endpoint
from crmkit.plugins.webhooks.tests.receivers import Receiver, Stubborn
from crmkit.testing import People


@pytest.fixture
def crm(make_crm, database, clock):
    """A CRM with webhooks that may reach this machine."""
    made = make_crm("webhooks", "sales", database=database, clock=clock)
    config = attrs.evolve(made.config, network=Network(["127.0.0.1/32"]))
    crm = CRM(config, plugins=made.plugins, clock=clock)
    yield crm
    crm.close()


@pytest.fixture
def people(crm):
    return People(crm)


@pytest.fixture
def dora(crm):
    """Develops what is told; sees her own deals, and all companies."""
    return _dora(crm)


def _dora(crm):
    return People(crm).user("Dora", roles=["webhooks.developer", "sales.agent", "workspace.member"])


@pytest.fixture
def people_of():
    """Return another CRM with its Dora."""
    return lambda crm: (crm, _dora(crm))


@pytest.fixture
def let_pass(crm, clock):
    """Let time pass for a worker: from one message that is due to the next, and no schedule in between."""

    def pass_by(worker, time):
        end = clock.now() + time
        while True:
            worker.run_until_idle()
            with crm.system("test") as db:
                due = [each.next_at for each in db.find(Delivery, Delivery.f.next_at.is_not_null())]
                pauses = [each.resumes_at for each in db.find(Endpoint) if each.resumes_at]
            later = [when for when in (*due, *pauses) if clock.now() < when <= end]
            if not later:
                break
            clock.travel(min(later))
        clock.travel(end)
        worker.run_until_idle()

    return pass_by


@pytest.fixture
def receive():
    made = []

    def make(answer=204):
        made.append(Receiver(answer))
        return made[-1]

    yield make
    for receiver in made:
        receiver.close()


@pytest.fixture
def stubborn():
    made = []

    def make(behave):
        made.append(Stubborn(behave))
        return made[-1]

    yield make
    for receiver in made:
        receiver.close()
