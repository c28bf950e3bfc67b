"""Opening a world: building it where it is not kept, and giving each run a copy of its own to write to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from benchmarks.databases import copy_postgresql, copy_sqlite, databases_of, run_on_server, url_of
from benchmarks.world import loyalty, trade
from benchmarks.world.loading import load
from benchmarks.world.people import Member, People
from crmkit import CRM, Config, Database, Principal
from crmkit.core.migrating import apply
from crmkit.core.plugins import find_plugins

__all__ = ["World", "make_crm", "open_postgresql", "open_sqlite"]

Say = Callable[[str], None]


@attrs.frozen(eq=False)
class World:
    """A filled database, and who is in it."""

    crm: CRM
    people: People
    size: int

    @property
    def system(self) -> str:
        """The name and the version of the database system."""
        with self.crm.storage.reading() as connection:
            version = ".".join(map(str, connection.dialect.server_version_info or ()))
        return f"{'SQLite' if self.crm.storage.is_sqlite else 'PostgreSQL'} {version}"

    def principal(self, member: Member) -> Principal:
        """Return *member* as crmkit knows it."""
        return Principal(member.id, member.name)


def make_crm(url: str, beside: Sequence[str] = (), **settings: Any) -> CRM:
    """Return a CRM with the plugins of the benchmark and those *beside* them, configured by *settings*."""
    plugins = [trade, loyalty, *find_plugins(beside)]
    return CRM(Config(database=Database(url), **settings), plugins=plugins, without="*")


@contextmanager
def open_sqlite(folder: Path, size: int, say: Say) -> Iterator[World]:
    """Give a world of *size* deals in a copy of the file in *folder*, which is built if it is not there."""
    pristine, copy = folder / f"{size}.db", folder / f"{size}-copy-{os.getpid()}.db"
    if not pristine.exists():
        building = folder / f"{size}-building.db"
        building.unlink(missing_ok=True)
        _build(f"sqlite:///{building}", size, say)
        building.rename(pristine)
    copy_sqlite(pristine, copy)
    crm = make_crm(f"sqlite:///{copy}")
    try:
        yield _ready(crm, size)
    finally:
        crm.close()
        for suffix in ("", "-wal", "-shm"):
            copy.with_name(copy.name + suffix).unlink(missing_ok=True)


@contextmanager
def open_postgresql(server: str, size: int, say: Say) -> Iterator[World]:
    """Give a world of *size* deals in a copy of a database on *server*, which is built if it is not there."""
    pristine, building = f"world_{size}", f"building_{size}"
    if pristine not in databases_of(server):
        run_on_server(server, f"DROP DATABASE IF EXISTS {building}")
        run_on_server(server, f"CREATE DATABASE {building} TEMPLATE template0 ENCODING 'UTF8'")
        _build(url_of(server, building), size, say)
        run_on_server(server, f"ALTER DATABASE {building} RENAME TO {pristine}")
    with copy_postgresql(server, pristine, f"copy_{size}") as url:
        crm = make_crm(url)
        try:
            yield _ready(crm, size)
        finally:
            crm.close()


def _ready(crm: CRM, size: int) -> World:
    """Return the world of *crm*; one that was kept may be older than the code."""
    apply(crm)
    return World(crm, People(), size)


def _build(url: str, size: int, say: Say) -> None:
    crm = make_crm(url)
    try:
        load(crm, People(), size, say)
    finally:
        crm.close()
