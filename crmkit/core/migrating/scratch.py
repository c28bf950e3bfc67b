"""A database for a moment: of the kind that a CRM uses, with every revision applied and nothing in it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["scratch_crm"]


@contextmanager
def scratch_crm(crm: CRM) -> Iterator[CRM]:
    """Give a CRM like *crm* on an empty database of its own, which is gone after the block.

    On PostgreSQL the user of *crm* must be allowed to create databases.
    """
    place = _sqlite() if crm.storage.is_sqlite else _postgresql(crm)
    with place as url:
        made = crm.sibling(url)
        if made.storage.is_sqlite:
            sa.event.listen(made.storage.engine, "connect", _forget_safety)
        try:
            yield made
        finally:
            made.close()


def _forget_safety(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous = OFF")


@contextmanager
def _sqlite() -> Iterator[str]:
    with TemporaryDirectory(prefix="crmkit-") as folder:
        yield f"sqlite:///{Path(folder) / 'scratch.db'}"


@contextmanager
def _postgresql(crm: CRM) -> Iterator[str]:
    name = f"crmkit_scratch_{secrets.token_hex(6)}"
    engine = crm.storage.engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE template0"))
        try:
            yield crm.storage.url.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(sa.text(f"DROP DATABASE {name}"))
