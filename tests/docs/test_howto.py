"""The how-tos that consist of commands are followed to the letter; what they quote stands where they say."""

import os
import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.docs.pages import Reader, make_environment
from tests.rest.serving import free_port

ROOT = Path(__file__).parents[2]
HOWTO = ROOT / "docs" / "howto"
FOLLOWED = (
    "access",
    "back-up",
    "demo",
    "edit-what-a-plugin-ships",
    "export",
    "export-a-plugin",
    "find-out-why",
    "import",
    "migrate",
    "offboard",
    "plugins",
    "safe-mode",
    "sign-in",
    "simulate",
    "test-a-plugin",
    "verify",
)


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    return make_environment(tmp_path_factory.mktemp("environment"))


@pytest.mark.slow
@pytest.mark.parametrize("name", FOLLOWED)
def test_howto_does_what_it_says(name, tmp_path, environment):
    page = (HOWTO / f"{name}.md").read_text("utf-8")

    Reader(tmp_path, environment, {"/path/to/crmkit": str(ROOT)}).follow(page)


@pytest.mark.slow
@pytest.mark.postgresql
def test_howto_runs_on_postgresql(tmp_path, environment, postgresql_url):
    name = f"crmkit_docs_{os.getpid()}"
    server = sa.create_engine(postgresql_url, isolation_level="AUTOCOMMIT")
    url = server.url.set(database=name).render_as_string(hide_password=False)
    page = (HOWTO / "postgresql.md").read_text("utf-8")
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
        try:
            Reader(tmp_path, environment, {"postgresql://crm:secret@db.example.org/crm": url}).follow(page)
        finally:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    server.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["import-over-http", "use-the-http-api"])
def test_howto_asks_the_server_that_it_starts(name, tmp_path, environment):
    port = free_port()
    page = (HOWTO / f"{name}.md").read_text("utf-8")
    reader = Reader(tmp_path, {**environment, "CRM_SERVER_PORT": f"{port}"}, {"127.0.0.1:8000": f"127.0.0.1:{port}"})
    try:
        reader.follow(page)
    except BaseException:
        reader.run("kill $(cat serve.pid)")
        raise


def test_howto_quotes_the_example_plan():
    plan = (ROOT / "examples" / "sales-opportunities" / "plan.toml").read_text("utf-8")
    quotes = re.findall(r"^```toml\n(.*?)^```$", (HOWTO / "import.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)

    assert quotes
    assert [quote for quote in quotes if quote not in plan] == []
