"""Opening a database: the URL means the same whatever driver reads it, or is refused in words."""

import pytest
import sqlalchemy as sa

from crmkit import ConfigurationError
from crmkit.core.storage.engines import Storage


def asked(url):
    """Return what the driver is asked for."""
    storage = Storage(url)
    return storage.dialect.create_connect_args(storage.engine.url)[1]


@pytest.mark.parametrize(
    ("url", "socket"),
    [
        ("postgresql+pg8000://crm@/crm?host=/var/run/postgresql", "/var/run/postgresql/.s.PGSQL.5432"),
        ("postgresql+pg8000://crm@/crm?host=/run&port=5433", "/run/.s.PGSQL.5433"),
        ("postgresql+pg8000://crm@:5434/crm?host=/run/", "/run/.s.PGSQL.5434"),
        ("postgresql+pg8000://crm@/crm?unix_sock=/run/.s.PGSQL.5432", "/run/.s.PGSQL.5432"),
    ],
)
def test_pg8000_is_told_the_socket_in_a_folder(url, socket):
    arguments = asked(url)
    assert arguments["unix_sock"] == socket
    assert "host" not in arguments


def test_server_on_another_machine_stays_what_it_is():
    assert asked("postgresql+pg8000://crm@/crm?host=db.example.org")["host"] == "db.example.org"
    assert "unix_sock" not in asked("postgresql+pg8000://crm@db.example.org/crm")


@pytest.mark.parametrize("driver", ["psycopg", "pg8000"])
@pytest.mark.parametrize("database", ["postgresql"])
def test_both_drivers_find_the_socket_in_the_same_folder(crm, driver):
    url = crm.storage.url
    folder = url.query.get("host") or str(url.query.get("unix_sock", "")).rpartition("/")[0]
    if not str(folder).startswith("/"):
        pytest.skip("this server has no socket")
    same = url.set(drivername=f"postgresql+{driver}", query={"host": folder})
    storage = Storage(same.render_as_string(hide_password=False))
    with storage.reading() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1
    storage.dispose()


@pytest.mark.parametrize(
    "url", ["postgresql+nosuch://crm:geheim@h/crm", "postgresql+asyncpg://crm:geheim@h/crm", "sqlite+aiosqlite:///x.db"]
)
def test_driver_that_is_not_there_is_named(url):
    with pytest.raises(ConfigurationError) as caught:
        Storage(url)
    driver = url.partition(":")[0].partition("+")[2]
    assert str(caught.value).startswith(f"database.url: there is no driver {driver!r} that crmkit can use")
    assert "geheim" not in str(caught.value)
