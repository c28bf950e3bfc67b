"""Changing tables: one transaction at a time, whoever else would do the same waits, and errors name the step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.errors import CrmkitError
from crmkit.core.migrating.errors import MigrationFailedError

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["altering", "failing_as", "writing_alone"]

# Any number, the same in every process: two that migrate one PostgreSQL database wait for each other.
_ADVISORY_LOCK = 7_203_411


@contextmanager
def altering(crm: CRM) -> Iterator[Connection]:
    """Give a connection inside a transaction that may change tables, alone among all who use this."""
    with crm.storage.altering() as connection:
        _wait(connection)
        yield connection


@contextmanager
def writing_alone(crm: CRM) -> Iterator[Connection]:
    """Give a connection inside a transaction that changes rows, alone among all who use this or :func:`altering`."""
    with crm.storage.writing() as connection:
        _wait(connection)
        yield connection


def _wait(connection: Connection) -> None:
    # SQLite has one writer anyway.
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})


@contextmanager
def failing_as(step: str) -> Iterator[None]:
    """Turn every error of the block into one that names *step*.

    Raises:
        MigrationFailedError: the block failed.
    """
    try:
        yield
    except CrmkitError as error:
        raise MigrationFailedError(step, str(error)) from error
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}."
        raise MigrationFailedError(step, reason) from error
