"""After a step on SQLite, every reference still points at a row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.engine import Connection

from crmkit.core.errors import CrmkitError
from crmkit.core.text import gettext as _

__all__ = ["DanglingReferenceError", "references_kept"]


class DanglingReferenceError(CrmkitError):
    """A step would leave rows that refer to a row that is gone."""

    code = "dangling-reference"
    template = _("{table}: {rows} rows would refer to rows of {target} that are not there.")

    def __init__(self, table: str, target: str, rows: int) -> None:
        """Name the *table* whose rows refer, and the one that they refer to."""
        super().__init__(table=table, target=target, rows=rows)


@contextmanager
def references_kept(connection: Connection) -> Iterator[None]:
    """Check the references of a SQLite database after the block, if it changed rows or dropped tables.

    Checking reads every referring row, so that adding a column to a large table must not cause it. PostgreSQL checks
    by itself.

    Raises:
        DanglingReferenceError: a row refers to one that is not there.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    rows, roots = _changes(connection), _roots(connection)
    yield
    if _changes(connection) != rows or not roots <= _roots(connection):
        _check(connection)


def _changes(connection: Connection) -> Any:
    return connection.connection.driver_connection.total_changes  # type: ignore[union-attr]


def _roots(connection: Connection) -> set[tuple[Any, ...]]:
    """Return where each table begins in the file; one that is rebuilt begins elsewhere."""
    found = connection.exec_driver_sql("SELECT name, rootpage FROM sqlite_master WHERE type = 'table'")
    return {tuple(row) for row in found}


def _check(connection: Connection) -> None:
    dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if dangling:
        table, _row, target, _key = dangling[0]
        raise DanglingReferenceError(table, target, sum(row[0] == table and row[2] == target for row in dangling))
