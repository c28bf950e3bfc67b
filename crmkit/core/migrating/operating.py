"""Letting a revision work: ``alembic.op`` means the transaction at hand."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Connection

from crmkit.core.migrating.recording import OPERATIONS
from crmkit.core.migrating.revisions import Revision

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["operating"]


@contextmanager
def operating(crm: CRM, connection: Connection, revision: Revision) -> Iterator[None]:
    """Let ``alembic.op`` work on *connection*, inside the transaction that it is in.

    What renames things finds there who is at work: *crm* and the *revision*.
    """
    context = MigrationContext.configure(connection, opts={"crm": crm, "revision": revision.id})
    with OPERATIONS, Operations.context(context), warnings.catch_warnings():
        # Where SQLite makes a table anew, indexes of custom fields are left out, and made again at the end.
        warnings.filterwarnings("ignore", message="Skipped unsupported reflection of expression-based index")
        yield
