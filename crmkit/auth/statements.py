"""What the statements of signing in have in common."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.sql import ColumnElement

__all__ = ["insert_into", "may_sign_in"]


def may_sign_in(user: sa.Table) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which somebody signs in as a row of *user*: a person's account, and an active one."""
    return user.c.deleted_at.is_(None), user.c.is_active.is_(True), user.c.kind == "person"


def insert_into(connection: Connection, table: sa.Table) -> Any:
    """Return an insertion into *table* that can say what happens where there is such a row, on both databases."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
