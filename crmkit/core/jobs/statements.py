"""The statements that every worker runs again and again, built once: that costs more than SQLite needs to answer."""

from __future__ import annotations

from typing import Any

import attrs
import sqlalchemy as sa

from crmkit.core.jobs.errors import WorkerLostError
from crmkit.core.jobs.job import PRIORITIES
from crmkit.core.jobs.lease import Lease
from crmkit.core.storage.columns import Id, Moment

__all__ = ["IDLE", "Statements", "woken"]

#: What a row has that nobody works on.
IDLE = {"owner": None, "leased_until": None, "is_suspect": False}

_LEASED = [field.name for field in attrs.fields(Lease)]
_NOW = sa.bindparam("now", type_=Moment())
_PLUGINS = sa.bindparam("plugins", type_=sa.String(), expanding=True)
_MOST = sa.bindparam("most", type_=sa.Integer())


class Statements:
    """Their parameters are ``now``, ``plugins``, and what each says."""

    def __init__(self, table: sa.Table) -> None:
        """Build them on the lease table."""
        c, lost = table.c, WorkerLostError()
        ready = sa.and_(c.state == "ready", c.plugin.in_(_PLUGINS))
        due = sa.and_(ready, c.run_at <= _NOW)
        leased = sa.select(*(c[name] for name in _LEASED)).where(due).order_by(c.run_at, c.id)
        locked = leased.limit(_MOST).with_for_update(skip_locked=True)
        of_priority = [locked.where(c.priority == p, ~c.is_suspect) for p in range(len(PRIORITIES))]
        #: Locks up to ``most`` due rows, the most urgent first; of a priority none before those above are too few.
        self.due = sa.union_all(*(sa.select(found.subquery()) for found in of_priority)).limit(_MOST)
        #: Locks up to ``most`` due rows that are suspect.
        self.suspect = locked.where(c.is_suspect)
        #: Locks the row ``id`` if it is due.
        self.due_one = locked.where(c.id == sa.bindparam("id", type_=Id()))
        one = sa.select(sa.literal(1))
        #: Whether any row is due; one that is suspect; and one whose worker gave no sign of life.
        self.is_due = sa.or_(*(sa.exists(one.where(due, c.priority == p)) for p in range(len(PRIORITIES))))
        self.is_suspect = sa.exists(one.where(due, c.is_suspect))
        expired = sa.and_(c.state == "running", c.leased_until <= _NOW)
        self.is_lost = sa.exists(one.where(expired))
        self.waits = one.where(due, c.id == sa.bindparam("id", type_=Id()))
        self.next_due = sa.select(c.run_at).where(ready).order_by(c.run_at).limit(1)
        #: Ends what a worker was lost with alone once too often.
        self.give_up = (
            sa.update(table)
            .where(expired, c.is_suspect, c.attempts >= c.tries)
            .values(**IDLE, state="dead", finished_at=_NOW, error=lost.code, details=sa.bindparam("details"))
        )
        #: Takes back the rest, as suspect; what was lost among others does not count as tried.
        self.take_back = (
            sa.update(table)
            .where(expired)
            .values({**IDLE, "state": "ready", "is_suspect": True, "attempts": c.attempts - _tries_not_counted(c)})
        )
        #: Ends the row with this ``id_`` and ``fence_`` at ``now``, or begins it anew if it was woken meanwhile.
        self.finish = _finish(table)
        #: Gives the rows ``ids`` to ``by`` until ``until``.
        self.take = _take(table)


def _finish(table: sa.Table) -> sa.Update:
    c = table.c
    is_woken = c.again_at.is_not(None)
    mine = c.id == sa.bindparam("id_", type_=Id()), c.fence == sa.bindparam("fence_", type_=sa.Integer())
    return (
        sa.update(table)
        .where(*mine, c.state == "running")
        .values(
            **IDLE,
            state=sa.case((is_woken, "ready"), else_="done"),
            run_at=sa.func.coalesce(c.again_at, c.run_at, type_=Moment()),
            attempts=sa.case((is_woken, 0), else_=c.attempts),
            finished_at=sa.case((is_woken, sa.null()), else_=_NOW),
            again_at=None,
            error=None,
            details=None,
        )
    )


def _take(table: sa.Table) -> sa.Update:
    c = table.c
    return (
        sa.update(table)
        .where(c.id.in_(sa.bindparam("ids", type_=Id(), expanding=True)))
        .values(
            state="running",
            owner=sa.bindparam("by"),
            leased_until=sa.bindparam("until", type_=Moment()),
            fence=c.fence + 1,
            attempts=c.attempts + 1,
        )
    )


def woken(insert: Any, c: Any) -> Any:
    """Return *insert* of a job's row as what wakes it where there is one with its key already.

    What waits is done at the earlier of both times; what is being done is done once more; what is over begins anew.
    """
    new, runs, waits = insert.excluded, c.state == "running", c.state == "ready"
    sooner = sa.and_(waits, c.run_at <= new.run_at)
    again = sa.case((c.again_at < new.run_at, c.again_at), else_=new.run_at)
    changed = {
        "state": sa.case((runs, c.state), else_="ready"),
        "run_at": sa.case((sa.or_(runs, sooner), c.run_at), else_=new.run_at),
        "again_at": sa.case((runs, again), else_=sa.null()),
        "attempts": sa.case((sa.or_(runs, waits), c.attempts), else_=0),
        "finished_at": None,
        **{name: sa.case((runs, c[name]), else_=new[name]) for name in ("payload", "cause", "depth", "traces")},
    }
    return insert.on_conflict_do_update(index_elements=[c.key], set_=changed).returning(c.id)


def _tries_not_counted(c: Any) -> sa.ColumnElement[int]:
    return sa.case((c.is_suspect, 0), else_=1)
