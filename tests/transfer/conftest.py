from __future__ import annotations

from pathlib import Path

import pytest

from crmkit.core.policy.principal import Principal
from crmkit.transfer.cells import Row
from crmkit.transfer.importing import run_import
from crmkit.transfer.plan_file import parse_plan
from crmkit.transfer.sources import open_source
from tests.transfer.shop import SHOP


@pytest.fixture
def put(tmp_path: Path):
    """Write a file and return its path."""

    def write(content: str | bytes, name: str = "deals.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


@pytest.fixture
def read():
    """Return columns and rows of a file."""

    def rows(path: Path, options=None, limits=None) -> tuple[tuple[str, ...], list[Row]]:
        with open_source(path, options, limits) as source:
            return source.columns, list(source.rows())

    return rows


@pytest.fixture
def crm(make_crm, database, clock):
    """A CRM with the plugin ``shop``."""
    return make_crm(SHOP, database=database, clock=clock)


@pytest.fixture
def person(people):
    """Make a user with roles and a home team, and return the principal."""

    def make(name: str, *roles: str, team: str | None = None):
        return people.user(name, team=team, roles=roles)

    return make


@pytest.fixture
def system():
    return Principal(None, "system", "test")


@pytest.fixture
def folder(tmp_path):
    """Write the files of an import and return their folder."""
    place = tmp_path / "source"
    place.mkdir()

    def write(**files: str) -> Path:
        for name, text in files.items():
            (place / f"{name}.csv").write_text(text, encoding="utf-8")
        return place

    return write


@pytest.fixture
def load(crm, system):
    """Run a plan, given as text, and return the report."""

    def run(plan: str, source: Path, principal=system, **options):
        return run_import(crm, principal, parse_plan(plan), source, **options)

    return run
