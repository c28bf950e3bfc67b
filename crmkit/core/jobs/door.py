"""The lease table as people may see and change it, through their reader or writer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import sqlalchemy as sa

from crmkit.core.errors import ForbiddenError, InapplicableVerbError, NotFoundError
from crmkit.core.jobs.job import PRIORITIES, Priority
from crmkit.core.jobs.lease import Kind, State
from crmkit.core.ledger import Entry
from crmkit.core.reading.limits import check_limit
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader
    from crmkit.core.writing.writer import Writer

__all__ = ["SUBJECT", "JobView", "Jobs", "JobsDesk"]

#: What grants call the lease table.
SUBJECT = "core.job"
_SHOWN = ("id", "kind", "name", "state", "run_at", "created_at", "finished_at", "attempts", "tries", "error", "cause")


@attrs.frozen
class JobView:
    """A delivery, job or schedule, as a reader may see it.

    *payload* and *details*, the error in full, may hold anything: they, and the *cause*, are shown to those who may
    read every field of every record, and are ``None`` for all others. *error* is the code or the class of the error.
    """

    id: UUID
    kind: Kind
    name: str
    state: State
    run_at: datetime
    created_at: datetime
    finished_at: datetime | None
    attempts: int
    tries: int
    error: str | None
    cause: str | None
    priority: Priority
    progress: Mapping[str, Any] | None
    payload: Any
    details: str | None


class Jobs:
    """What a reader sees of the lease table: with a grant to read ``core.job`` all, without one the own jobs.

    Whose scopes do not cover ``core`` sees none.
    """

    def __init__(self, reader: Reader) -> None:
        """Look with the eyes of *reader*."""
        self._reader = reader
        self._table = reader.model.schema.system.job

    def _visible(self) -> sa.ColumnElement[bool]:
        return sa.true() if self._reader.access.may("read", SUBJECT) else self._is_own()

    def _is_own(self) -> sa.ColumnElement[bool]:
        """Return the condition that the principal enqueued it; what their writes have others do is not their own."""
        mine = sa.and_(self._table.c.principal_id == self._reader.access.user_id, self._table.c.kind == "job")
        return mine if self._reader.access.covers(SUBJECT, "read") else sa.false()

    def find(self, *, state: State | None = None, name: str | None = None, limit: int = 50) -> list[JobView]:
        """Return the visible ones, those that are due last first; those of a *state*, or called *name*.

        Raises:
            LimitError: *limit* is no whole number above zero.
        """
        check_limit(limit)
        c = self._table.c
        wanted = sa.select(self._table).where(self._visible())
        wanted = wanted if state is None else wanted.where(c.state == state)
        wanted = wanted if name is None else wanted.where(c.name == name)
        rows = self._reader.connection.execute(wanted.order_by(c.run_at.desc(), c.id.desc()).limit(limit))
        return [self._view(row) for row in rows]

    def count(self, state: State) -> int:
        """Return how many visible ones have *state*."""
        counted = sa.select(sa.func.count()).select_from(self._table).where(self._visible())
        return int(self._reader.connection.execute(counted.where(self._table.c.state == state)).scalar() or 0)

    def get(self, id_: UUID) -> JobView:
        """Return one.

        Raises:
            NotFoundError: there is none that is visible.
        """
        # What is no id leads to no work.
        if not isinstance(id_, UUID):
            raise NotFoundError(SUBJECT, id_)
        one = sa.select(self._table).where(self._table.c.id == id_, self._visible())
        row = self._reader.connection.execute(one).one_or_none()
        if row is None:
            raise NotFoundError(SUBJECT, id_)
        return self._view(row)

    def _view(self, row: Any) -> JobView:
        open_ = self._reader.access.reads_everything
        return JobView(
            **{**{name: getattr(row, name) for name in _SHOWN}, "cause": row.cause if open_ else None},
            priority=PRIORITIES[row.priority],
            progress=row.progress,
            payload=row.payload if open_ else None,
            details=row.details if open_ else None,
        )


class JobsDesk(Jobs):
    """What a writer may do with the lease table besides: with a grant to update ``core.job``."""

    def __init__(self, writer: Writer) -> None:
        """Act for *writer*."""
        super().__init__(writer)
        self._writer = writer

    def retry(self, id_: UUID) -> JobView:
        """Have parked or cancelled work done again, with all its tries, and return it; what waits is done now.

        Raises:
            NotFoundError: there is none that is visible.
            ForbiddenError: no grant allows it.
            InapplicableVerbError: it is done, or being done.
        """
        now = self._writer.now
        changed = {"state": "ready", "attempts": 0, "run_at": now, "finished_at": None, "is_suspect": False}
        return self._change(id_, "retry", ("ready", "dead", "cancelled"), changed)

    def cancel(self, id_: UUID) -> JobView:
        """Have work that waits, or is parked, not done, and return it. Whoever does it already learns of it.

        One may cancel one's own jobs without a grant.

        Raises:
            NotFoundError: there is none that is visible.
            ForbiddenError: no grant allows it.
            InapplicableVerbError: it is done, or cancelled already.
        """
        changed = {"state": "cancelled", "finished_at": self._writer.now, "owner": None, "leased_until": None}
        return self._change(id_, "cancel", ("ready", "running", "dead"), changed)

    def _change(self, id_: UUID, verb: str, states: tuple[State, ...], changed: Mapping[str, Any]) -> JobView:
        found, c = self.get(id_), self._table.c
        if not self._may(verb, id_):
            raise ForbiddenError(SUBJECT, verb, id_)
        mine = sa.update(self._table).where(c.id == id_, c.kind != "schedule", c.state.in_(states))
        if self._writer.connection.execute(mine.values(changed)).rowcount != 1:
            raise InapplicableVerbError(SUBJECT, verb, _("it is done, being done, or no longer wanted"))
        moved = {"state": (found.state, changed["state"])}
        self._writer.note([Entry(SUBJECT, id_, verb, moved, self._writer.cause, self._writer.depth)])
        return self.get(id_)

    def _may(self, verb: str, id_: UUID) -> bool:
        if self._writer.access.may("update", SUBJECT):
            return True
        if verb != "cancel" or not self._writer.access.covers(SUBJECT, "update"):
            return False
        own = sa.select(self._table.c.id).where(self._table.c.id == id_, self._is_own())
        return self._writer.connection.execute(own).scalar() is not None
