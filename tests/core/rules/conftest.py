from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.engine import Connection

from crmkit.core.storage.engines import Storage
from crmkit.testing import CRMMaker
from tests.core.rules.world import World


@pytest.fixture(scope="session")
def world() -> World:
    return World(seed=1)


@pytest.fixture(scope="session")
def maker(crmkit_session) -> Iterator[CRMMaker]:
    made = CRMMaker(crmkit_session)
    yield made
    made.close()


@pytest.fixture(scope="session")
def sqlite(world, maker) -> Iterator[Connection]:
    yield from _filled(maker().storage, world)


@pytest.fixture(scope="session")
def postgresql(world, maker) -> Iterator[Connection]:
    yield from _filled(maker(database="postgresql").storage, world)


def _filled(storage: Storage, world: World) -> Iterator[Connection]:
    with storage.writing() as connection:
        world.store(connection)
    with storage.reading() as connection:
        yield connection
