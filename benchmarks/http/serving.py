"""A server in a process of its own: ``python -m benchmarks.http.serving crmkit|bare|receiver URL PORT``."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import clock_gettime, monotonic, sleep

import attrs

from benchmarks.world.customers import PLUGINS
from benchmarks.world.opening import make_crm
from crmkit import CRM
from crmkit.core.configuration.config import Server

__all__ = ["THREADS", "Running", "running"]

#: How many requests either server answers at once.
THREADS = 8
_SERVER = Server(threads=THREADS, requests_per_minute=0, streams=2000)
_PATIENCE = 60


@attrs.frozen
class Running:
    """A server that answers on *port*; *process* is the parent of the one that does."""

    port: int
    process: int

    @property
    def megabytes(self) -> float:
        """How much memory the processes of the server have for themselves, in millions of bytes (Linux)."""
        return sum(map(_private, _family(self.process))) / 1e6

    @property
    def processor(self) -> float:
        """How many seconds of processor time the processes of the server have taken (Linux)."""
        return sum(map(_run, _family(self.process)))


@contextmanager
def running(kind: str, url: str) -> Iterator[Running]:
    """Run the server of this *kind* on the database at *url*."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        port = tried.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.http.serving", kind, url, str(port)]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2], stderr=subprocess.DEVNULL)
    try:
        _wait(port, process)
        yield Running(port, process.pid)
    finally:
        process.terminate()
        process.wait(_PATIENCE)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    end = monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            if process.poll() is not None or monotonic() > end:
                raise
            sleep(0.05)


def _family(process: int) -> Iterator[int]:
    yield process
    for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        yield from _family(int(child))


def _private(process: int) -> int:
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))


def _run(process: int) -> float:
    """Return for how many seconds *process* has run, by the clock that the kernel keeps of it (clock_getcpuclockid)."""
    return clock_gettime((~process << 3) | 2)


def open_crm(url: str) -> CRM:
    """Return the CRM at *url*, whose users may ask as often as they like."""
    return make_crm(url, PLUGINS, server=_SERVER)


def main(kind: str, url: str, port: str) -> None:
    """Serve until a signal says stop."""
    if kind == "crmkit":
        from crmkit.rest.serving import serve

        serve(partial(open_crm, url), attrs.evolve(_SERVER, port=int(port)), jobs=False)
    elif kind == "bare":
        from benchmarks.http.bare import serve_bare

        serve_bare(url, int(port))
    else:
        from benchmarks.http.receiver import serve_receiver

        serve_receiver(int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
