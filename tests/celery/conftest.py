import secrets

import pytest

from crmkit.core.configuration.config import Broker
from tests.celery.brokers import RabbitMQ, Redis, running_brokers  # noqa: F401

# RabbitMQ needs ten seconds to start.
BROKERS = [pytest.param(Redis, id="redis"), pytest.param(RabbitMQ, id="rabbitmq", marks=pytest.mark.slow)]


@pytest.fixture(params=BROKERS)
def server(request, running_brokers):  # noqa: F811
    return running_brokers(request.param)


@pytest.fixture
def broker(server):
    return Broker(server.url, f"crmkit-test-{secrets.token_hex(4)}")
