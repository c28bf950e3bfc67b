"""Spans for OpenTelemetry: requests, transactions and work, through its API alone.

Where they go is up to whoever runs the server and sets up an SDK; without one they cost next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from crmkit.core.observing import MOST_TRACES

__all__ = ["Tracing"]

# By which traces is known what caused the work that is being done.
_causes: ContextVar[Sequence[str]] = ContextVar("_causes", default=())


class Tracing:
    """Begins spans. Of an error they have the class alone: what it says may quote what somebody typed."""

    def __init__(self) -> None:
        """Take whatever provider of traces is set up when the first span begins."""
        from opentelemetry import trace

        self._tracer = trace.get_tracer("crmkit")

    @contextmanager
    def request(self, method: str, headers: Mapping[str, str]) -> Iterator[Any]:
        """Give the span of a request, which belongs to the trace that *headers* name."""
        from opentelemetry import trace
        from opentelemetry.propagate import extract

        with self._span(method, {"http.request.method": method}, trace.SpanKind.SERVER, extract(headers)) as span:
            yield span

    @staticmethod
    def answered(span: Any, method: str, door: str, status: int) -> None:
        """Say in *span* which *door* a request came to, and how it was answered."""
        span.update_name(f"{method} {door}")
        span.set_attributes({"http.route": door, "http.response.status_code": status})
        if status >= 500:
            span.set_attribute("error.type", str(status))

    def transaction(self, kind: str) -> Any:
        """Return the span of a transaction."""
        return self._span(f"transaction {kind}", {"crmkit.transaction": kind})

    @contextmanager
    def work(self, kind: str, name: str, traces: Sequence[str] = ()) -> Iterator[Any]:
        """Give the span of the handler of a job or an event, which is linked to the *traces* of what caused it."""
        before = _causes.set(traces)
        try:
            with self._span(f"{kind} {name}", {"crmkit.work": kind, "crmkit.name": name}, links=_links(traces)) as span:
                yield span
        finally:
            _causes.reset(before)

    @staticmethod
    def traces() -> Sequence[str]:
        """Return by which traces is known what happens now, the nearest first; by none where no span is recorded."""
        from opentelemetry.trace import get_current_span
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        if not get_current_span().is_recording():
            return ()
        carrier = dict[str, str]()
        TraceContextTextMapPropagator().inject(carrier)
        return [carrier["traceparent"], *_causes.get()][:MOST_TRACES]

    @contextmanager
    def _span(
        self, name: str, attributes: dict[str, str], kind: Any = None, context: Any = None, links: Any = None
    ) -> Iterator[Any]:
        from opentelemetry.trace import SpanKind, Status, StatusCode

        started = self._tracer.start_as_current_span(
            name,
            context=context,
            kind=kind or SpanKind.INTERNAL,
            attributes=attributes,
            links=links,
            record_exception=False,
            set_status_on_exception=False,
        )
        with started as span:
            try:
                yield span
            except BaseException as error:
                span.set_status(Status(StatusCode.ERROR))
                span.set_attribute("error.type", type(error).__qualname__)
                raise


def _links(traces: Sequence[str]) -> list[Any]:
    from opentelemetry.trace import Link, get_current_span
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    propagator = TraceContextTextMapPropagator()
    spans = [get_current_span(propagator.extract({"traceparent": trace})) for trace in traces]
    return [Link(context) for span in spans if (context := span.get_span_context()).is_valid]
