"""``crmkit serve``: processes that answer requests, one that does jobs, and a parent that starts and stops them."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from threading import Event, Thread
from typing import Any

from granian import Granian
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LOGGING_CONFIG, LogLevels

from crmkit.core.configuration.config import Server
from crmkit.core.crm import CRM
from crmkit.core.errors import CrmkitError
from crmkit.core.jobs.worker import Worker
from crmkit.core.text import gettext as _
from crmkit.observing.logs import set_up_logs
from crmkit.observing.metrics import shared_by_processes
from crmkit.observing.redacting import personal_names
from crmkit.observing.watching import watch

__all__ = ["AddressInUseError", "serve"]

Opener = Callable[[], CRM]
# For how many seconds what is being answered may go on when the server is told to stop.
_GRACE = 30
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class AddressInUseError(CrmkitError):
    """The server cannot listen on its address: another program does, or this machine does not have it."""

    code = "address-in-use"
    template = _("Cannot listen on {host}:{port}: {reason}")

    def __init__(self, server: Server, error: OSError) -> None:
        """Name the address, and what the machine says."""
        super().__init__(host=server.host, port=server.port, reason=error.strerror or str(error))


def serve(open_crm: Opener, server: Server, *, workers: int = 1, jobs: bool = True) -> None:
    """Answer requests on the address of *server* with *workers* processes until a signal says stop.

    Each process calls *open_crm*, which is sent there. With *jobs* one more delivers events and does jobs. What is
    being answered or done when the signal comes is finished first.

    Raises:
        AddressInUseError: the address cannot be had.
    """
    _check_address(server)
    with shared_by_processes():
        # Loaded once, and shared by all processes that are copies of this one.
        import_module("crmkit.rest.app")
        gc.freeze()
        _serve(open_crm, server, workers, jobs)


def _serve(open_crm: Opener, server: Server, workers: int, jobs: bool) -> None:
    working = _Working(open_crm) if jobs else None
    granian = Granian(
        "crmkit",
        address=server.host,
        port=server.port,
        interface=Interfaces.ASGI,
        workers=workers,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=30_000),
        log_level=LogLevels.warning,
        log_dictconfig=_LOGGING,
        respawn_failed_workers=True,
        workers_kill_timeout=_GRACE,
    )
    try:
        granian.serve(target_loader=partial(_application, open_crm), wrap_loader=False)
    finally:
        if working is not None:
            working.stop()


# What is amiss is told on standard error.
_USUAL: dict[str, Any] = LOGGING_CONFIG
_LOGGING: dict[str, Any] = {
    **_USUAL,
    "handlers": {name: {**handler, "stream": "ext://sys.stderr"} for name, handler in _USUAL["handlers"].items()},
}


def _check_address(server: Server) -> None:
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    with socket.socket(family) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((server.host, server.port))
        except OSError as error:
            raise AddressInUseError(server, error) from None


def _application(open_crm: Opener) -> Any:
    """Return the application, in the process that answers."""
    from crmkit.rest.app import build_app

    # The handlers of the parent would hear a signal here, and nobody would listen to them.
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    _end_with_parent(lambda: os.kill(os.getpid(), signal.SIGTERM))
    crm = open_crm()
    _watch(crm)
    app = build_app(crm)
    app.on_startup.append(_end_streams_when_told)
    return app


def _end_streams_when_told(app: Any) -> None:
    """Have streams of events end with the first signal: the server waits for whoever is still being answered."""
    loop, surface = asyncio.get_running_loop(), app.state.surface
    for number in _SIGNALS:
        before = signal.getsignal(number)

        def hear(number: int, frame: Any, before: Any = before) -> None:
            loop.call_soon_threadsafe(surface.hub.stop)
            if callable(before):
                before(number, frame)

        signal.signal(number, hear)


def _watch(crm: CRM) -> None:
    """Have what *crm* does in this process logged, counted and traced."""
    set_up_logs(crm.config.log, personal=personal_names(crm.registry))
    watch(crm)


def _end_with_parent(end: Callable[[], Any]) -> None:
    """Call *end* when the parent of this process is gone, so that nothing is left of a server that was killed."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        end()

    Thread(target=watch, daemon=True).start()


class _Working:
    """The process that does jobs: started anew when it ends by itself."""

    def __init__(self, open_crm: Opener) -> None:
        self._open_crm, self._stopping = open_crm, Event()
        # While there is one thread, a copy of this process will do, which shares what it has loaded.
        self._process = self._started("fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn")
        self._watcher = Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def _started(self, method: str) -> BaseProcess:
        context: Any = multiprocessing.get_context(method)
        process: BaseProcess = context.Process(target=_do_jobs, args=(self._open_crm,), name="crmkit-jobs")
        process.start()
        return process

    def _watch(self) -> None:
        while not self._stopping.is_set():
            self._process.join()
            if not self._stopping.wait(1):
                self._process = self._started("spawn")

    def stop(self) -> None:
        """Have it finish what it does, and wait until it has."""
        self._stopping.set()
        with suppress(AttributeError, ValueError):
            self._process.terminate()
        self._process.join(_GRACE)
        if self._process.is_alive():
            self._process.kill()


def _do_jobs(open_crm: Opener) -> None:
    stop = Event()
    for number in _SIGNALS:
        signal.signal(number, lambda _number, _frame: stop.set())
    _end_with_parent(stop.set)
    crm = open_crm()
    _watch(crm)
    worker = Worker(crm)
    try:
        worker.run(stop)
    finally:
        worker.close()
        crm.close()
