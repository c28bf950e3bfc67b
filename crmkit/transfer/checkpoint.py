"""How far an import has come, kept in the same transaction as its work, so that a killed one goes on where it was."""

from __future__ import annotations

from typing import Any

import attrs
import sqlalchemy as sa

from crmkit.core.crm import CRM
from crmkit.core.writing.writer import Writer

__all__ = ["Checkpoint", "CheckpointStore"]


@attrs.define
class Checkpoint:
    """The place after the last row that is dealt with: the step, and how many rows of its file."""

    #: What tells this run from one of another plan, on other files, or by somebody else.
    fingerprint: str
    #: Where the rejected rows are kept.
    folder: str
    step: int = 0
    rows: int = 0
    #: How long the file of the step's rejected rows was then.
    rejects: int = 0
    #: How long the file of likely duplicates was then.
    suspects: int = 0
    #: By step: what the report says so far.
    counts: dict[str, dict[str, int]] = attrs.field(factory=dict)


class CheckpointStore:
    """Reads and writes the checkpoint of one plan in ``core_checkpoint``."""

    def __init__(self, crm: CRM, key: str) -> None:
        """Use *key*."""
        self._crm, self.key = crm, key
        self._table = crm.schema.system.checkpoint
        self.exists = False

    def load(self) -> Checkpoint | None:
        """Return where the last run of the plan was interrupted, or ``None`` if none was."""
        statement = sa.select(self._table.c.state).where(self._table.c.key == self.key)
        with self._crm.storage.reading() as connection:
            state: dict[str, Any] | None = connection.scalar(statement)
        self.exists = state is not None
        return None if state is None else Checkpoint(**state)

    def save(self, writer: Writer, checkpoint: Checkpoint) -> None:
        """Keep *checkpoint* in *writer*'s transaction."""
        values = {
            "position": checkpoint.rows,
            "state": attrs.asdict(checkpoint),
            "updated_at": writer.now,
        }
        mine = self._table.c.key == self.key
        if not writer.connection.execute(sa.update(self._table).where(mine).values(values)).rowcount:
            writer.connection.execute(sa.insert(self._table).values(key=self.key, **values))
        self.exists = True

    def clear(self) -> None:
        """Forget the checkpoint: the run has ended."""
        if self.exists:
            with self._crm.storage.writing() as connection:
                connection.execute(sa.delete(self._table).where(self._table.c.key == self.key))
            self.exists = False
