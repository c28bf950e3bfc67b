"""What plugins contribute to the demo company: how its people spent two years with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from uuid import UUID

import attrs

from crmkit.core.entity import Record
from crmkit.core.policy.people import User

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["Demo", "DemoPart", "DemoPerson", "Job"]

R = TypeVar("R", bound=Record)
Job = Literal["agent", "manager"]


@attrs.frozen
class DemoPerson:
    """Somebody who works in the demo company: the user, the job, and the currency of the region."""

    user: User
    job: Job
    currency: str


def _roles(given: Mapping[Job, Iterable[str]]) -> Mapping[Job, tuple[str, ...]]:
    return {job: tuple(roles) for job, roles in given.items()}


@attrs.frozen
class DemoPart:
    """What one plugin contributes.

    *roles* are those that people of a job hold. *prepare* is called once, by the system, before the first day. *work*
    is called for each day on which somebody works, with that person's writer: what the person may not do fails.
    """

    roles: Mapping[Job, tuple[str, ...]] = attrs.field(converter=_roles, factory=dict)
    prepare: Callable[[Writer, Demo], None] | None = None
    work: Callable[[Writer, Demo], None] | None = None


@attrs.define(eq=False)
class Demo:
    """The demo company as it grows. Everything in it follows from the seed of *random*.

    *person* works at *now*, for the first time since *since*. What a plugin hands over with :meth:`add` others may
    build upon. *notes* are for the plugins: each keeps its own under its name.
    """

    random: Random
    scale: float
    now: datetime
    since: datetime
    person: DemoPerson | None = None
    people: Sequence[DemoPerson] = ()
    done: tuple[float, float] = (0.0, 0.0)
    notes: dict[str, Any] = attrs.field(factory=dict)
    _records: dict[UUID | None, dict[UUID, Record]] = attrs.field(factory=dict)

    def due(self, total: int) -> int:
        """Return how many of *total*, in a company of full size and in all its years, fall upon this day's work."""
        before, after = (int(total * self.scale * share) for share in self.done)
        return after - before

    def chance(self, share: float) -> bool:
        """Return whether something happens that happens in *share* of all cases."""
        return self.random.random() < share

    def moment(self) -> datetime:
        """Return some moment since the person's last day of work, the last fortnight at most."""
        span = min((self.now - self.since).total_seconds(), 14 * 86400)
        return self.now - timedelta(seconds=int(self.random.random() * span))

    def add(self, *records: Record) -> None:
        """Hand *records* over, or their newer versions."""
        for record in records:
            self._records.setdefault(getattr(record, "owner_id", None), {})[record.id] = record

    def drop(self, *records: Record) -> None:
        """Take back *records*, because their story is over."""
        for record in records:
            self._records.get(getattr(record, "owner_id", None), {}).pop(record.id, None)

    def mine(self, entity: type[R]) -> list[R]:
        """Return the records of *entity* that belong to the person who works, oldest first."""
        return [record for record in self.all_mine() if type(record) is entity]

    def common(self, entity: type[R]) -> list[R]:
        """Return the records of *entity* that belong to nobody, oldest first."""
        return [record for record in self._records.get(None, {}).values() if type(record) is entity]

    def all_mine(self) -> list[Any]:
        """Return every record that belongs to the person who works, oldest first."""
        owner = self.person.user.id if self.person else None
        return list(self._records.get(owner, {}).values())
