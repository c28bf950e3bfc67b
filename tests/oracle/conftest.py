from __future__ import annotations

import secrets

import pytest
import sqlalchemy as sa


@pytest.fixture(scope="module")
def stage(crmkit_session, tmp_path_factory):
    """A stage on SQLite, in memory where that is possible."""
    from tests.oracle.stage import Stage

    made = Stage(
        f"sqlite:///{crmkit_session.fast_folder}/oracle-{secrets.token_hex(4)}.db", tmp_path_factory.mktemp("files")
    )
    yield made
    made.crm.close()


@pytest.fixture(scope="module")
def postgresql_stage(postgresql_url, tmp_path_factory):
    """The same on PostgreSQL."""
    from tests.oracle.stage import Stage

    name = f"oracle_{secrets.token_hex(4)}"
    server = sa.create_engine(postgresql_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    url = sa.make_url(postgresql_url).set(database=name).render_as_string(hide_password=False)
    made = Stage(url, tmp_path_factory.mktemp("files"))
    yield made
    made.crm.close()
    with server.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def tell(capsys, record_property):
    """Say how much was compared, where somebody looks."""

    def say(compared: int, seconds: float) -> None:
        record_property("comparisons", compared)
        with capsys.disabled():
            print(f"\n{compared:,} comparisons, {compared / seconds:,.0f} per second of processor time")

    return say
