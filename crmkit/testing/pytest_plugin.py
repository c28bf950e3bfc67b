"""The fixtures that crmkit gives to tests; pytest finds them by itself where crmkit is installed.

Imports of crmkit wait for the first fixture that is used, so that other tests pay nothing.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from crmkit.core.clock import FixedClock
    from crmkit.core.crm import CRM
    from crmkit.core.jobs.worker import Worker
    from crmkit.testing.crms import CRMMaker, DatabaseKind
    from crmkit.testing.factories import Factory
    from crmkit.testing.people import People
    from crmkit.testing.session import Session

# So that a failing rule shows what breaks it.
pytest.register_assert_rewrite("crmkit.testing.conformance")

_RUN = "crmkit_run"
_run = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Name the run; the workers of pytest-xdist take part in that of their controller."""
    given = getattr(config, "workerinput", {}).get(_RUN)
    config.stash[_run] = given or f"{os.getpid()}-{secrets.token_hex(3)}"
    config.addinivalue_line("markers", "postgresql: needs a PostgreSQL server; see crmkit.testing.postgresql")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist in which run it takes part."""
    node.workerinput[_RUN] = node.config.stash[_run]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server and delete the databases of the run, in the process that began it."""
    if not hasattr(config, "workerinput") and _run in config.stash:
        from crmkit.testing.session import Session

        Session(config.stash[_run]).end()


@pytest.fixture(scope="session")
def crmkit_session(pytestconfig: pytest.Config) -> Session:
    """The run of tests, for fixtures that keep something as long as it lasts."""
    from crmkit.testing.session import Session

    return Session(pytestconfig.stash[_run])


@pytest.fixture(scope="session")
def _crm_maker(crmkit_session: Session) -> Iterator[CRMMaker]:
    from crmkit.testing.crms import CRMMaker

    maker = CRMMaker(crmkit_session)
    yield maker
    maker.close()


@pytest.fixture(scope="session")
def postgresql_url(crmkit_session: Session) -> str:
    """The URL of a PostgreSQL server on which a test may make databases of its own."""
    from crmkit.testing.postgresql import postgresql_url

    return postgresql_url(crmkit_session)


@pytest.fixture
def make_crm(_crm_maker: CRMMaker) -> Iterator[CRMMaker]:
    """Make CRMs on fresh databases: ``make_crm("sales", database="postgresql")``; see :class:`CRMMaker`."""
    yield _crm_maker
    _crm_maker.clear()


@pytest.fixture
def database() -> DatabaseKind:
    """The kind of database that ``crm`` has; a test that is parametrized with :data:`both_databases` gets each."""
    return "sqlite"


@pytest.fixture
def clock() -> FixedClock:
    """The clock of ``crm``: it stands still on a Monday at noon until the test moves it."""
    from crmkit.core.clock import FixedClock
    from crmkit.testing.crms import NOON

    return FixedClock(NOON)


@pytest.fixture
def crm(make_crm: CRMMaker, database: DatabaseKind, clock: FixedClock) -> CRM:
    """A CRM without plugins; override it: ``return make_crm("sales", database=database, clock=clock)``."""
    return make_crm(database=database, clock=clock)


@pytest.fixture
def make_worker() -> Iterator[Callable[..., Worker]]:
    """Make workers: ``make_worker(crm, threads=1)``. What they wait for depends on no chance."""
    from random import Random

    from crmkit.core.jobs.worker import Worker

    made: list[Worker] = []

    def make(crm: CRM, *, threads: int = 2) -> Worker:
        made.append(Worker(crm, threads=threads, chance=Random(1)))
        return made[-1]

    yield make
    for worker in made:
        worker.close()


@pytest.fixture
def worker(crm: CRM, make_worker: Callable[..., Worker]) -> Worker:
    """A worker of ``crm``: ``worker.run_until_idle()`` delivers events and does the jobs that are due."""
    return make_worker(crm)


@pytest.fixture
def people(crm: CRM) -> People:
    """Make users, teams and roles in ``crm``."""
    from crmkit.testing.people import People

    return People(crm)


@pytest.fixture
def factory(crm: CRM) -> Factory:
    """Make records in ``crm``, with values where an entity demands them."""
    from crmkit.testing.factories import Factory

    return Factory(crm)
