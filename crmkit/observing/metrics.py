"""Metrics for Prometheus: requests, transactions and work of this process, and what the database says of all of them.

No label holds anything of a record: doors, methods and the names of jobs are declared in code, and there are few.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any

from crmkit.observing.standing import standing

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

    from crmkit.core.crm import CRM

__all__ = ["CONTENT_TYPE", "Metrics", "shared_by_processes"]

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
# Seconds. Most requests take milliseconds; what takes longer than ten seconds is a job.
_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LONG = (0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300)


class Metrics:
    """What one process counts, and how it is told.

    Where the environment names a folder in ``PROMETHEUS_MULTIPROC_DIR`` when the process starts, processes that share
    it are told as one, whichever of them is asked.
    """

    def __init__(self, crm: CRM) -> None:
        """Count nothing yet; the extra ``obs`` must be installed."""
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._own = own = CollectorRegistry()
        self._standing: Any = _Standing(crm)
        own.register(self._standing)
        self._requests = Counter("crmkit_requests", "Requests answered.", ["door", "method", "status"], registry=own)
        self._request_seconds = Histogram(
            "crmkit_request_seconds", "Time until a request was answered.", ["door"], buckets=_QUICK, registry=own
        )
        self._transaction_seconds = Histogram(
            "crmkit_transaction_seconds",
            "Time in transactions of the database, waiting for other writers included.",
            ["kind"],
            buckets=_QUICK,
            registry=own,
        )
        self._work_seconds = Histogram(
            "crmkit_work_seconds", "Time in handlers of jobs and events.", ["kind", "name"], buckets=_LONG, registry=own
        )
        self._failures = Counter(
            "crmkit_work_failures", "Handlers of jobs and events that failed.", ["kind", "name"], registry=own
        )
        #: Streams of events that are open.
        self.streams = Gauge(
            "crmkit_event_streams", "Streams of events that are open.", multiprocess_mode="livesum", registry=own
        )
        #: Those that the server ended, and why: ``slow``, ``left`` by who may not listen, ``stopping``, ``broken``.
        self.ended_streams = Counter(
            "crmkit_event_streams_ended", "Streams of events that the server ended.", ["why"], registry=own
        )

    def request(self, door: str, method: str, status: int, seconds: float) -> None:
        """Count a request at *door* that was answered with *status* after *seconds*."""
        self._requests.labels(door, method, str(status)).inc()
        self._request_seconds.labels(door).observe(seconds)

    @contextmanager
    def transaction(self, kind: str) -> Iterator[None]:
        """Count the transaction that lasts as long as the block."""
        started = perf_counter()
        try:
            yield
        finally:
            self._transaction_seconds.labels(kind).observe(perf_counter() - started)

    @contextmanager
    def work(self, kind: str, name: str) -> Iterator[None]:
        """Count the handler that runs as long as the block."""
        started = perf_counter()
        try:
            yield
        except BaseException:
            self._failures.labels(kind, name).inc()
            raise
        finally:
            self._work_seconds.labels(kind, name).observe(perf_counter() - started)

    @property
    def registry(self) -> CollectorRegistry:
        """Everything that is told; what stands in the database is asked for at each telling."""
        from prometheus_client import CollectorRegistry
        from prometheus_client.multiprocess import MultiProcessCollector

        if _FOLDER not in os.environ:
            return self._own
        _bury(Path(os.environ[_FOLDER]))
        shared = CollectorRegistry()
        MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
        shared.register(self._standing)
        return shared

    def text(self) -> bytes:
        """Return everything in the text format of Prometheus."""
        from prometheus_client import generate_latest

        return generate_latest(self.registry)


@contextmanager
def shared_by_processes() -> Iterator[None]:
    """Have the processes that are started in the block told as one, unless the environment says so already."""
    if _FOLDER in os.environ or find_spec("prometheus_client") is None:
        yield
        return
    with TemporaryDirectory(prefix="crmkit-metrics-") as folder:
        os.environ[_FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[_FOLDER]


def _bury(folder: Path) -> None:
    """Forget how many streams were open in processes that are no more; what they counted stays counted."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = file.stem.rpartition("_")[2]
        if not (pid.isdigit() and _is_alive(int(pid))):
            file.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class _Standing:
    """What the database says, as Prometheus collects it."""

    def __init__(self, crm: CRM) -> None:
        self._crm = crm

    def collect(self) -> Sequence[Metric]:
        from prometheus_client.metrics_core import GaugeMetricFamily

        found = standing(self._crm)
        up = GaugeMetricFamily("crmkit_database_up", "Whether the database answered.", int(found is not None))
        if found is None:
            return [up]
        jobs = GaugeMetricFamily("crmkit_jobs", "Deliveries and jobs by what they wait for.", labels=["kind", "state"])
        for (kind, state), number in found.jobs.items():
            jobs.add_metric([kind, state], number)
        open_ = GaugeMetricFamily("crmkit_circuit_open", "Plugins whose work rests after failures.", labels=["plugin"])
        for plugin in found.open_circuits:
            open_.add_metric([plugin], 1)
        single = {
            "crmkit_job_oldest_seconds": ("For how long the job that is due longest has been due.", found.oldest),
            "crmkit_dead_letters": ("Deliveries and jobs that were parked after too many failures.", found.dead),
            "crmkit_events_untold": ("Writes whose events have not been told yet.", found.untold),
            "crmkit_workers": ("Workers that were seen within a minute.", found.workers),
            "crmkit_worker_seen_seconds": ("How long ago a worker was seen last; -1 if never.", found.worker_seen),
        }
        gauges = [GaugeMetricFamily(name, help_, value) for name, (help_, value) in single.items()]
        return [up, jobs, open_, *gauges]
