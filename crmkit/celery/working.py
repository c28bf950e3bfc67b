"""Working for Celery: each process has a CRM of its own, and does the one row that a message names."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from crmkit.celery.messages import DO, make_app
from crmkit.core.configuration.config import Broker

if TYPE_CHECKING:
    from crmkit.core.crm import CRM
    from crmkit.core.jobs.worker import Worker

__all__ = ["configured_app", "run_worker", "working_app"]


class _Workers:
    """A worker for each thread that Celery calls from; made there, because no connection outlives a fork."""

    def __init__(self, open_crm: Callable[[], CRM]) -> None:
        self._open_crm = open_crm
        self._local = threading.local()

    @property
    def own(self) -> Worker:
        """The worker of this thread."""
        from crmkit.core.jobs.worker import Worker

        if not hasattr(self._local, "worker"):
            self._local.worker = Worker(self._open_crm(), threads=1)
        worker: Worker = self._local.worker
        return worker


def working_app(broker: Broker, open_crm: Callable[[], CRM]) -> Any:
    """Return the application of Celery that does work of the CRM which *open_crm* opens.

    Celery never tries again: what failed waits in its row, and is sent when it is due.

    Raises:
        ConfigurationError: no broker is configured.
        MissingExtraError: Celery is not installed.
    """
    app = make_app(broker)
    workers = _Workers(open_crm)

    def do(id_: str) -> bool:
        return workers.own.do(UUID(id_))

    app.task(name=DO)(do)
    return app


def configured_app() -> Any:
    """Return the application for the ``crm.toml`` of this folder; every call makes another.

    Raises:
        SettingsError, ConfigurationError: the settings cannot be used, or name no broker.
        MissingExtraError: Celery is not installed.
    """
    from crmkit.celery.carrier import CeleryCarrier
    from crmkit.core.configuration.settings import load_settings
    from crmkit.core.crm import CRM

    config = load_settings().config
    return working_app(config.celery, lambda: CRM(config, carrier=CeleryCarrier(config.celery)))


def run_worker(broker: Broker, open_crm: Callable[[], CRM], *, processes: int) -> None:
    """Work in *processes* processes until a signal says stop; what runs then is finished first.

    Raises:
        ConfigurationError: no broker is configured.
        MissingExtraError: Celery is not installed.
    """
    app = working_app(broker, open_crm)
    options = ["--concurrency", str(processes), "--without-gossip", "--without-mingle", "--loglevel", "WARNING"]
    app.worker_main(["worker", *options])
