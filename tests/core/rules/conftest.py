from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.engine import Connection

from crmkit.core.storage.casefold import casefold_function_ddl
from crmkit.core.storage.engines import Storage
from tests.core.rules.world import World
from tests.postgres_server import fresh_database


@pytest.fixture(scope="session")
def world() -> World:
    return World(seed=1)


@pytest.fixture(scope="session")
def sqlite(world, tmp_path_factory) -> Iterator[Connection]:
    storage = Storage(f"sqlite:///{tmp_path_factory.mktemp('rules')}/crm.db")
    yield from _filled(storage, world)


@pytest.fixture(scope="session")
def postgresql(world) -> Iterator[Connection]:
    with fresh_database() as url:
        storage = Storage(url.render_as_string(hide_password=False))
        with storage.writing() as connection:
            connection.exec_driver_sql(casefold_function_ddl())
        yield from _filled(storage, world)


def _filled(storage: Storage, world: World) -> Iterator[Connection]:
    with storage.writing() as connection:
        world.store(connection)
    with storage.reading() as connection:
        yield connection
    storage.dispose()
