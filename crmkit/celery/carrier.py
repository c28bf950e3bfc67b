"""Sending: one message for each row that waits."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property
from time import monotonic
from typing import Any
from uuid import UUID

from crmkit.celery.messages import DO, check_broker, make_app
from crmkit.core.configuration.config import Broker

__all__ = ["CeleryCarrier"]

_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())
# For how many seconds a broker that failed is left alone, so that not every write waits for it.
_REST = 5.0


class CeleryCarrier:
    """Carries work to workers of Celery. A broker that is not there holds nobody up: the rows wait for the next try."""

    def __init__(self, broker: Broker) -> None:
        """Send by *broker*; nothing connects before there is something to send.

        Raises:
            ConfigurationError: no broker is configured.
            MissingExtraError: Celery is not installed.
        """
        check_broker(broker)
        self._broker = broker
        self._rests_until = 0.0

    @cached_property
    def _app(self) -> Any:
        return make_app(self._broker)

    def carry(self, ids: Sequence[UUID]) -> bool:
        """Send a message for each of *ids*, and return whether that went well."""
        if monotonic() < self._rests_until:
            return False
        try:
            with self._app.producer_pool.acquire(block=True) as producer:
                for id_ in ids:
                    self._app.send_task(DO, (str(id_),), producer=producer, retry=False)
        except Exception as error:
            # Whatever it is, the caller's transaction has committed, and must not seem to have failed.
            _log.warning("the broker takes no messages; they are sent later", exc_info=error)
            self._rests_until = monotonic() + _REST
            return False
        return True
