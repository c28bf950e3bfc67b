"""The numbers that tell every process when something changed which all of them keep in memory."""

from __future__ import annotations

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.storage.prepared import Prepared
from crmkit.core.storage.schema import Schema

__all__ = ["Epoch", "Epochs"]


@attrs.frozen
class Epoch:
    """How often *policy*, what people may do, the *definitions* made at run time, and the *keys* have changed."""

    policy: int
    definitions: int
    keys: int


class Epochs:
    """Reads and raises the numbers."""

    def __init__(self, schema: Schema, dialect: sa.Dialect) -> None:
        """Prepare the statement that every reader and writer begins with."""
        self._table = schema.system.epoch
        self._read = Prepared(sa.select(self._table.c.value, self._table.c.definitions, self._table.c["keys"]), dialect)

    def now(self, connection: Connection) -> Epoch:
        """Return the numbers as *connection* sees them."""
        return Epoch(*self._read.rows(connection)[0])

    def raise_policy(self, connection: Connection) -> None:
        """End the life of every cached access, in this process and in all others."""
        connection.execute(sa.update(self._table).values(value=self._table.c.value + 1))

    def raise_definitions(self, connection: Connection) -> None:
        """End the life of every model, in this process and in all others."""
        connection.execute(sa.update(self._table).values(definitions=self._table.c.definitions + 1))

    def raise_keys(self, connection: Connection) -> None:
        """Have every process read the keys of encrypted fields again; no other transaction changes them meanwhile."""
        connection.execute(sa.update(self._table).values({"keys": self._table.c["keys"] + 1}))
