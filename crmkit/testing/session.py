"""One run of tests: what its processes share, and what is deleted when it ends."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

__all__ = ["Session", "is_alive"]

_PREFIX = "crmkit-test-"
_ENOUGH = 512 * 2**20


class Session:
    """A run of tests, which ends with the process that began it. Nothing is made before it is asked for."""

    def __init__(self, name: str | None = None) -> None:
        """Begin a run, or take part in the run *name*."""
        self.name = name or f"{os.getpid()}-{secrets.token_hex(3)}"
        self.owner = int(self.name.partition("-")[0])

    @property
    def key(self) -> str:
        """The name as part of a database's name."""
        return self.name.replace("-", "_")

    @cached_property
    def fast_folder(self) -> Path:
        """A folder in memory where there is such a thing: for databases that live as long as a test."""
        return _made(_fast_place() / f"{_PREFIX}{self.name}")

    @cached_property
    def server_folder(self) -> Path:
        """A folder for a database server, which other users can enter and whose name is short."""
        return _made(_open_place() / f"{_PREFIX}{self.name}-server")

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Keep the other processes of this run out of the block of this *name*."""
        with (self.fast_folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def end(self) -> None:
        """Stop the server of this run and delete its folders; those of runs that were killed go too."""
        from crmkit.testing.postgresql import FOREIGN, VARIABLE, stop_server

        server = _open_place() / f"{_PREFIX}{self.name}-server"
        if server.is_dir():
            stop_server(server)
        used = [folder for folder in _folders() if (folder / FOREIGN).exists()]
        if VARIABLE in os.environ and f"{_PREFIX}{self.name}" in [folder.name for folder in used]:
            _tidy(os.environ[VARIABLE], self.key)
        for folder in _folders():
            run = folder.name.removeprefix(_PREFIX)
            if run.startswith(self.name) or not is_alive(int(run.partition("-")[0])):
                shutil.rmtree(folder, ignore_errors=True)
        vars(self).pop("fast_folder", None)
        vars(self).pop("server_folder", None)


def _tidy(server: str, key: str) -> None:
    from crmkit.testing.databases import PostgreSQLServer

    databases = PostgreSQLServer(server)
    databases.drop_all(f"crmkit_{key}_")
    databases.close()


def _folders() -> list[Path]:
    places = {_fast_place(), _open_place()}
    return [folder for place in places for folder in place.glob(f"{_PREFIX}[0-9]*-*")]


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    # The server may be another user than this one.
    folder.chmod(0o711)
    return folder


def _fast_place() -> Path:
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ENOUGH:
        return memory
    return Path(tempfile.gettempdir())


def _open_place() -> Path:
    """Return a place that any user can enter and whose name is short: that of a socket has 107 bytes at most."""
    place = Path(tempfile.gettempdir())
    entered = all(folder.stat().st_mode & 0o001 for folder in (place, *place.resolve().parents))
    return place if entered and len(str(place)) < 50 else Path("/tmp")


def is_alive(process: int) -> bool:
    """Return whether the process runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
