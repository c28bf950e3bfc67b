"""The observer of one CRM: what it is told goes to metrics, traces and the log at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import attrs

from crmkit.core.errors import MissingExtraError
from crmkit.core.text import gettext as _
from crmkit.observing.log_context import logging_about
from crmkit.observing.metrics import Metrics
from crmkit.observing.tracing import Tracing

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["Watching", "told_on", "watch"]

_NOTHING: Any = nullcontext()


@attrs.frozen
class Watching:
    """An observer, as :mod:`crmkit.core.observing` describes it; *metrics* and *tracing* may be absent."""

    metrics: Metrics | None
    tracing: Tracing | None

    @contextmanager
    def transaction(self, kind: Literal["read", "write"]) -> Iterator[None]:
        """Count a transaction, and make a span of it."""
        counted = self.metrics.transaction(kind) if self.metrics else _NOTHING
        traced = self.tracing.transaction(kind) if self.tracing else _NOTHING
        with traced, counted:
            yield

    @contextmanager
    def work(self, kind: str, name: str, traces: Sequence[str] = ()) -> Iterator[None]:
        """Count a handler, make a span of it that is linked to *traces*, and have the log name it."""
        counted = self.metrics.work(kind, name) if self.metrics else _NOTHING
        traced = self.tracing.work(kind, name, traces) if self.tracing else _NOTHING
        with logging_about(work=name), traced, counted:
            yield

    @property
    def is_tracing(self) -> bool:
        """Whether spans are made."""
        return self.tracing is not None

    def traces(self) -> Sequence[str]:
        """Return by which traces is known what happens now, the nearest first."""
        return self.tracing.traces() if self.tracing else ()


def watch(crm: CRM) -> Watching:
    """Have *crm* watched from now on by what is installed of the extra ``obs``, and return who watches."""
    metrics = Metrics(crm) if find_spec("prometheus_client") else None
    made = Watching(metrics, Tracing() if find_spec("opentelemetry") else None)
    crm.observer = made
    return made


@contextmanager
def told_on(watching: Watching, port: int) -> Iterator[None]:
    """Have the metrics told on *port* of 127.0.0.1 for as long as the block lasts, to whoever is on this machine.

    Raises:
        MissingExtraError: the extra ``obs`` is not installed.
    """
    if watching.metrics is None:
        raise MissingExtraError(_("Metrics"), "prometheus-client", "obs")
    from prometheus_client import start_http_server

    server, thread = start_http_server(port, "127.0.0.1", registry=watching.metrics.registry)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
