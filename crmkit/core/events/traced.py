"""By which traces is known what was written: of each transaction the outbox says so, where anybody traces."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.observing import MOST_TRACES

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["Traced"]

# Of how many transactions at most traces are looked up.
_MOST = 20_000


@attrs.frozen
class Traced:
    """The transactions of a stretch of the ledger that are known by traces: first row, last row, and those."""

    transactions: Sequence[tuple[int, int, Sequence[str]]]

    @classmethod
    def between(cls, connection: Connection, crm: CRM, after: int, until: int) -> Traced:
        """Return what is known of the rows behind *after* up to *until*; nothing is looked up where nobody traces."""
        if not crm.observer.is_tracing:
            return cls(())
        c = crm.schema.system.outbox.c
        # The first rows may be of a transaction that began before.
        begun = sa.select(sa.func.max(c.first_id)).where(c.first_id <= after + 1).scalar_subquery()
        known = sa.select(c.first_id, c.last_id, c.traces).where(
            c.first_id >= sa.func.coalesce(begun, 0), c.first_id <= until, c.last_id > after, c.traces.is_not(None)
        )
        found = connection.execute(known.order_by(c.first_id.desc()).limit(_MOST)).all()
        return cls([(row.first_id, row.last_id, row.traces) for row in reversed(found)])

    def at(self, position: int) -> Sequence[str]:
        """Return by which traces the row at *position* is known, the nearest first."""
        place = bisect_right(self.transactions, position, key=lambda each: each[0]) - 1
        is_in = place >= 0 and position <= self.transactions[place][1]
        return self.transactions[place][2] if is_in else ()

    @property
    def newest(self) -> Sequence[str]:
        """By which traces the newest transactions are known: the nearest of each."""
        return [traces[0] for _first, _last, traces in self.transactions[-MOST_TRACES:]]
