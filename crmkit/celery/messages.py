"""What goes over the broker: the id of a row, and nothing else."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from crmkit.core.configuration.config import Broker
from crmkit.core.errors import ConfigurationError, MissingExtraError
from crmkit.core.text import gettext as _

__all__ = ["DO", "check_broker", "make_app"]

#: The name of the task that does one row.
DO = "crmkit.do"
# For how many seconds who enqueues waits for a broker that does not answer.
_PATIENCE = 2


def check_broker(broker: Broker) -> None:
    """Return if messages can be sent by *broker*.

    Raises:
        ConfigurationError: none is configured.
        MissingExtraError: Celery is not installed.
    """
    if broker.broker is None:
        raise ConfigurationError(
            "celery.broker", _("is missing; give redis://HOST/0 or amqp://USER:PASSWORD@HOST/VHOST")
        )
    if find_spec("celery") is None:
        raise MissingExtraError(_("Work that Celery carries"), "celery", "celery")


def make_app(broker: Broker) -> Any:
    """Return the application of Celery for *broker*, without any task.

    A message is acknowledged after the work, and a process fetches one at a time. Nothing is kept of results: the rows
    say what came of it. Messages are not written to disk: one that is lost is sent again.

    Raises:
        ConfigurationError, MissingExtraError: see :func:`check_broker`.
    """
    check_broker(broker)
    from celery import Celery

    app = Celery("crmkit", broker=broker.broker, set_as_current=False)
    app.conf.update(
        task_default_queue=broker.queue,
        task_default_delivery_mode="transient",
        task_acks_late=True,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=_PATIENCE,
        redis_socket_connect_timeout=_PATIENCE,
    )
    return app
