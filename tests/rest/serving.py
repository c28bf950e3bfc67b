"""A server in processes of its own, as `crmkit serve` starts it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx

_SECONDS = 60


def command():
    """Return what runs the command line of this environment."""
    return [os.path.join(os.path.dirname(sys.executable), "crmkit")]


def free_port():
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return tried.getsockname()[1]


@contextmanager
def served(folder, *options, port=None):
    """Give the process and the address of a server for the project in *folder*; it is told to stop at the end."""
    port = port or free_port()
    asked = [*command(), "serve", "--port", str(port), *options]
    # A group of its own, so that a test may kill all of it at once.
    process = subprocess.Popen(
        asked, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, process)
        yield process, address
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(_SECONDS)
        process.stdout.close()


def _wait_for(address, process):
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise AssertionError(process.stdout.read())
        try:
            httpx.get(f"{address}/api/v1", timeout=5)
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the server did not answer")
