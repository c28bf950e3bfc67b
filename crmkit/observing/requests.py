"""One request, for the log, the metrics and the trace that it belongs to."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from time import perf_counter
from typing import Any
from uuid import UUID

import attrs

from crmkit.core.observing import Observer
from crmkit.observing.log_context import TraceParent, logging_about
from crmkit.observing.tracing import Tracing
from crmkit.observing.watching import Watching

__all__ = ["Outcome", "watched_request"]

_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())
_NO_SPAN: Any = nullcontext()


@attrs.define
class Outcome:
    """What came of a request: the status of its answer, and who asked, if that was found out."""

    status: int = 500
    principal_id: UUID | None = None


@contextmanager
def watched_request(
    observer: Observer, door: str, method: str, request_id: str, headers: Mapping[str, str]
) -> Iterator[Outcome]:
    """Give the outcome of a request at *door*, to be filled in; when the block ends it is logged, counted and traced.

    Neither its path nor its query is told: both may hold names.
    """
    watching = observer if isinstance(observer, Watching) else None
    caller = TraceParent.parse(headers.get("traceparent"))
    tracing = watching.tracing if watching else None
    outcome, started = Outcome(), perf_counter()
    about = {"request_id": request_id}
    if caller is not None:
        about |= {"trace_id": caller.trace_id, "parent_id": caller.parent_id}
    with logging_about(**about), tracing.request(method, headers) if tracing else _NO_SPAN as span:
        try:
            yield outcome
        finally:
            seconds = perf_counter() - started
            if watching and watching.metrics:
                watching.metrics.request(door, method, outcome.status, seconds)
            if span is not None:
                Tracing.answered(span, method, door, outcome.status)
            _tell(door, method, outcome, seconds)


def _tell(door: str, method: str, outcome: Outcome, seconds: float) -> None:
    facts: dict[str, Any] = {"door": door, "method": method, "status": outcome.status}
    facts["duration_ms"] = round(seconds * 1000, 1)
    if outcome.principal_id is not None:
        facts["principal_id"] = str(outcome.principal_id)
    _log.info("request", extra=facts)
