"""The writing half of the wall: a reader that also changes records, one transaction long."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from crmkit.core.approving.checking import use_approvals
from crmkit.core.entity import EntityInfo, Record, entity_info
from crmkit.core.errors import CrmkitError, InapplicableVerbError, TryAgainError
from crmkit.core.jobs import Job
from crmkit.core.jobs.door import JobsDesk
from crmkit.core.jobs.enqueuing import enqueue, wake
from crmkit.core.ledger import Entry, LedgerEntry
from crmkit.core.merging.choosing import Choices
from crmkit.core.merging.merge import merge
from crmkit.core.merging.preview import MergePlan, preview
from crmkit.core.merging.unmerge import Unmerged, unmerge
from crmkit.core.observing import NOBODY, Traces
from crmkit.core.policy.access import Access
from crmkit.core.policy.people import ACCESS_ENTITIES, Share
from crmkit.core.rates import Rates
from crmkit.core.side_doors import own_step
from crmkit.core.storage.held import Held
from crmkit.core.text import gettext as _
from crmkit.core.writing.asking import Asking
from crmkit.core.writing.authorise import refuse_forbidden
from crmkit.core.writing.changes import Kind, Write, WriteContext, creation
from crmkit.core.writing.custom import stored_custom
from crmkit.core.writing.external import ExternalIds
from crmkit.core.writing.holding import hold
from crmkit.core.writing.life import live, load_stored
from crmkit.core.writing.normalise import Normaliser
from crmkit.core.writing.returning import bring_back
from crmkit.core.writing.sharing import Holder, share, unshare
from crmkit.core.writing.stages import plan_change, plan_move
from crmkit.core.writing.transferring import Keep, plan_transfer
from crmkit.core.writing.values import record_from_values

if TYPE_CHECKING:
    from crmkit.core.model import Model

__all__ = ["Writer", "WriterBrokenError"]

R = TypeVar("R", bound=Record)


class WriterBrokenError(CrmkitError):
    """An earlier write of this transaction failed half-way, so nothing of it can be committed."""

    code = "writer-broken"
    template = _("An earlier write failed, so this transaction can only be rolled back: {reason}")

    def __init__(self, error: BaseException) -> None:
        """Keep the first *error*."""
        super().__init__(reason=str(error))


class Writer(Asking):
    """Reads and writes for one principal in one transaction, which commits when its block ends without an error.

    Every verb exists for one record and for many; both take the same steps (see :mod:`crmkit.core.writing.life`).
    """

    def __init__(
        self,
        model: Model,
        held: Held,
        access: Access,
        cause: str,
        request: str | None,
        depth: int = 0,
        traces: Traces = NOBODY.traces,
    ) -> None:
        """Made by :meth:`CRM.write` and :meth:`CRM.system`."""
        super().__init__(model, held, access)
        self.cause, self._request, self.depth = cause, request, depth
        #: Tells by which traces is known what happens now.
        self.traces = traces
        self._entries: list[Entry] = []
        #: The jobs that are to be done as soon as this transaction has committed.
        self.enqueued: list[UUID] = []
        self._spans: list[tuple[int, int]] = []
        self._created: set[tuple[str, UUID]] = set()
        self._broken: BaseException | None = None
        self._touched: set[str] = set()

    # Verbs.

    def create(self, record: R) -> R:
        """Store *record* and return it as stored.

        Raises:
            ValidationError: a value is refused, or a reference leads nowhere.
            ForbiddenError: no grant allows it.
            ConflictError: a value that must be unique is taken.
        """
        return self.create_many([record])[0]

    def create_many(self, records: Sequence[R]) -> list[R]:
        """Store *records* as :meth:`create` does, in the same few statements, and return them as stored."""
        writes = [creation(record) for record in records]
        self._live(writes)
        return [self._written(write) for write in writes]

    def update(self, record: R, values: Mapping[str, Any] | None = None, /, **more: Any) -> R:
        """Change fields of *record* and return it as stored; values that change nothing write nothing.

        Fields of extensions are named ``plugin.field`` and given in *values*.

        Raises:
            NotFoundError: the record is gone or not visible.
            StaleError: somebody else changed it since *record* was read.
            ValidationError, ForbiddenError, ConflictError: as for :meth:`create`.
        """
        return self.update_many([(record, {**(values or {}), **more})])[0]

    def update_many(self, changes: Sequence[tuple[R, Mapping[str, Any]]]) -> list[R]:
        """Change many records as :meth:`update` does; *changes* pairs each with its new values."""
        writes = [self._write("update", record, dict(values)) for record, values in changes]
        self._live(writes)
        return [self._written(write) for write in writes]

    def delete(self, record: Record) -> None:
        """Put *record* into the bin, with what its references say must go with it.

        Raises:
            ConflictError: another record still refers to it.
            NotFoundError, StaleError, ForbiddenError: as for :meth:`update`.
        """
        self.delete_many([record])

    def delete_many(self, records: Sequence[Record]) -> None:
        """Put *records* into the bin as :meth:`delete` does."""
        self._live([self._write("delete", record, {}) for record in records])

    def restore(self, entity: type[R], id_: UUID) -> R:
        """Take a record out of the bin and return it; this needs the right to delete it.

        What its deletion took along comes back with it, as far as the principal may restore that.

        Raises:
            NotFoundError: it is not in the bin, or the principal may not restore it.
            ValidationError: it refers to a record that is not there; that must be restored first.
            ConflictError: a value that must be unique is taken meanwhile.
        """
        write = Write("restore", self.model.registry.entity(entity), id_, {})
        with self.attempt():
            self._live([write])
            bring_back(self, write)
        return self._written(write)  # type: ignore[no-any-return]

    def transfer(
        self,
        record: R,
        owner: UUID | None,
        *,
        team: UUID | None = None,
        with_related: bool = False,
        keep: Keep = None,
    ) -> R:
        """Give *record* to *owner* and to *team*, or else to the owner's home team, and return it.

        *with_related* takes along what hangs on it as ``goes_along`` says, as far as that belongs to the same owner and
        the principal may transfer it. *keep* shares the record with who had it, at the level ``read`` or ``write``.

        Raises:
            ValidationError: the owner or the team does not exist for the principal.
            InapplicableVerbError: records of its entity have no owner.
            NotFoundError, StaleError, ForbiddenError: as for :meth:`update`, and for :meth:`share` to *keep* it.
        """
        return self.transfer_many([record], owner, team=team, with_related=with_related, keep=keep)[0]

    def transfer_many(
        self,
        records: Sequence[R],
        owner: UUID | None,
        *,
        team: UUID | None = None,
        with_related: bool = False,
        keep: Keep = None,
    ) -> list[R]:
        """Give *records* away as :meth:`transfer` does."""
        _check_applies("transfer", records)
        with self.attempt() if keep else nullcontext():
            with self._noticing_collisions():
                writes = plan_transfer(self, records, owner, team, with_related=with_related, keep=keep)
            self._live(writes)
        return [self._written(write) for write in writes[: len(records)]]

    def move(self, record: R, stage: str, *, reason: str | None = None, note: str | None = None) -> R:
        """Move *record* to *stage* of its pipeline and return it.

        *reason* is one of those that the stage declares; it and the *note* are kept with the record.

        Raises:
            Refusal: the pipeline does not allow it; it says which guard, which fields, and what is allowed.
            ValidationError: there is no such reason, or the stage asks for none.
            InapplicableVerbError: records of its entity stand in no pipeline.
            NotFoundError, StaleError, ForbiddenError: as for :meth:`update`.
        """
        return self.move_many([record], stage, reason=reason, note=note)[0]

    def move_many(
        self, records: Sequence[R], stage: str, *, reason: str | None = None, note: str | None = None
    ) -> list[R]:
        """Move *records* to *stage* as :meth:`move` does."""
        return self._moved(records, lambda write: plan_move(self, write, stage, reason=reason, note=note))

    def change_pipeline(self, record: R, pipeline: str, stage: str | None = None) -> R:
        """Move *record* to *stage* of another *pipeline* of its entity and return it; without, it keeps its stage.

        Raises:
            Refusal: the stage is not of the same kind, nothing leads into it, or what leads there does not hold.
            UnknownPipelineError: the entity has no such pipeline.
            UnknownStageError: the pipeline has no such stage.
            InapplicableVerbError, NotFoundError, StaleError, ForbiddenError: as for :meth:`move`.
        """
        return self._moved([record], lambda write: plan_change(self, write, pipeline, stage))[0]

    def change_pipeline_many(self, records: Sequence[R], pipeline: str, stages: Mapping[str, str]) -> list[R]:
        """Move *records* to another *pipeline* as :meth:`change_pipeline` does; *stages* maps old ones to new ones.

        Raises:
            ValidationError: *stages* says nothing about a stage in which a record stands.
        """
        return self._moved(records, lambda write: plan_change(self, write, pipeline, stages))

    def _moved(self, records: Sequence[R], plan: Callable[[Write], None]) -> list[R]:
        _check_applies("move", records)
        writes = [self._write("move", record, {}) for record in records]
        with self._noticing_collisions():
            load_stored(self, writes)
        refuse_forbidden(self, writes)
        for write in writes:
            plan(write)
        self._live(writes)
        use_approvals(self, writes)
        return [self._written(write) for write in writes]

    def share(
        self,
        record: Record,
        *,
        user: UUID | None = None,
        team: UUID | None = None,
        level: str = "read",
        until: datetime | None = None,
    ) -> Share:
        """Show *record* to a user or a team; with level ``write`` they may also change it, with *until* for a time.

        What is shared already with them gets this level and this end.

        Raises:
            ForbiddenError: no grant allows sharing it; or none allows changing it, and this gives or takes that right.
            NotFoundError: it is not visible.
            InapplicableVerbError: it is seen with the record that it is about, such as a task; that one is shared.
            ValidationError: there is no such user or team for the principal, or the end lies in the past.
        """
        return share(self, [record], Holder(user, team), level, until)[0]

    def share_many(
        self,
        records: Sequence[Record],
        *,
        user: UUID | None = None,
        team: UUID | None = None,
        level: str = "read",
        until: datetime | None = None,
    ) -> list[Share]:
        """Show *records* as :meth:`share` does, all or none, in the same few statements."""
        return share(self, records, Holder(user, team), level, until)

    def unshare(self, record: Record, *, user: UUID | None = None, team: UUID | None = None) -> int:
        """End what was shared of *record* with a user or a team and return how many shares that were."""
        return unshare(self, [record], Holder(user, team))

    def unshare_many(self, records: Sequence[Record], *, user: UUID | None = None, team: UUID | None = None) -> int:
        """End what was shared of *records* as :meth:`unshare` does, all or none."""
        return unshare(self, records, Holder(user, team))

    def hold(self, records: Sequence[R]) -> list[R]:
        """Return *records* as they stand now; nobody else changes or deletes them until this transaction ends.

        Hold what decides about a write but is not written itself: a transaction that holds all that it looks at, or
        reads it in one statement, behaves as if it ran alone. Held at once, they are locked in the order of their ids.

        Raises:
            NotFoundError: one is gone or not visible.
        """
        by_entity: dict[str, list[UUID]] = {}
        for record in records:
            by_entity.setdefault(entity_info(type(record)).id, []).append(record.id)
        found: dict[tuple[str, UUID], Any] = {}
        with self._noticing_collisions():
            for entity, ids in sorted(by_entity.items()):
                held = hold(self, self.model.registry.entities[entity], ids)
                found |= {(entity, id_): record for id_, record in held.items()}
        return [found[entity_info(type(record)).id, record.id] for record in records]

    def enqueue(
        self, job: Job | str, arguments: Any = None, *, key: str | None = None, run_at: datetime | None = None
    ) -> UUID:
        """Have *job* done by a worker once this transaction has committed, and return the id of the job.

        *arguments* are an instance of the class that the job declares. It is done at *run_at* or as soon as possible.
        The same *key* is enqueued once for a job: a second call returns the id of the first.

        Raises:
            UnknownJobError: no enabled plugin declares it.
            JobArgumentsError: it does not take the arguments, or the key or the time is not acceptable.
            LoopError: too many steps have caused each other.
        """
        return enqueue(self, job, arguments, key=key, run_at=run_at)

    def wake(self, job: Job | str, *, run_at: datetime | None = None) -> UUID:
        """Have *job*, which takes no arguments, done once this transaction has committed, and return its id.

        However often it is woken, by whomever, there is one of it: what waits is done at the earliest time, and what
        is being done right now is done once more afterwards. It acts for nobody in particular.

        Raises:
            UnknownJobError: no enabled plugin declares it.
            JobArgumentsError: it takes arguments, or the time is not acceptable.
            LoopError: too many steps have caused each other.
        """
        return wake(self, job, run_at=run_at)

    def merge(
        self,
        winner: R,
        losers: Sequence[R],
        *,
        choose: Mapping[str, UUID] | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> R:
        """Make *losers* and *winner* one record, and return it as stored, also to who does not see it any more.

        The losers go into the bin and lead to the winner from then on: their ids, human numbers and external ids, and
        all that referred to them. A field that the winner has no value in takes that of the first loser that has one;
        *choose* names for other fields the record whose value is kept, and *values* gives values of your own.

        Raises:
            InapplicableVerbError: records of the entity are not merged.
            ValidationError: the records are not several of one entity, or a value is refused.
            ConflictError: somebody must not change what refers to a loser.
            NotFoundError, StaleError, ForbiddenError: as for updating the winner and deleting the losers.
        """
        merge(self, winner, losers, Choices(choose or {}, values or {}))
        return self._stored(winner)

    def merge_preview(
        self,
        winner: R,
        losers: Sequence[R],
        *,
        choose: Mapping[str, UUID] | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> MergePlan:
        """Return what :meth:`merge` would do, without doing it.

        Raises:
            InapplicableVerbError, ValidationError, NotFoundError, StaleError, ForbiddenError: as for :meth:`merge`, if
                these records cannot be merged by this principal at all.
        """
        return preview(self, winner, losers, Choices(choose or {}, values or {}))

    def unmerge(self, entity: type[R], reference: UUID | str) -> Unmerged[R]:
        """Make the merged record with this id or human number one of its own again; return both it and what was left.

        What the merge changed is changed back where it still is as the merge left it. This needs the right to delete
        the record and to update the one that it went into.

        Raises:
            NotFoundError: it is not in the bin, or the principal may not restore it.
            NotMergedError: it is in the bin, but was not merged.
            MergedFurtherError: the record that it went into is not there.
            ForbiddenError: no grant allows updating that record.
            ConflictError: a value that must be unique is taken meanwhile.
        """
        return unmerge(self, entity, reference)

    @cached_property
    def jobs(self) -> JobsDesk:
        """Deliveries, jobs and schedules, to be seen, tried again and cancelled."""
        return JobsDesk(self)

    @cached_property
    def external(self) -> ExternalIds:
        """The ids under which other systems know records."""
        return ExternalIds(self)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Undo what happens inside the block if it raises, and leave the transaction usable."""
        # Copies, because a flush inside the block empties the list, and is undone with it.
        before = [*self._entries], [*self._spans], {*self._created}, {*self._touched}, self._broken
        try:
            with self._held.savepoint():
                yield
        except BaseException:
            self._entries, self._spans, self._created, self._touched, self._broken = before
            raise

    # What the steps of a write use.

    @cached_property
    def now(self) -> datetime:
        """The time of this transaction."""
        return self.moment.now

    @cached_property
    def normaliser(self) -> Normaliser:
        """What cleans the values of this transaction."""
        rates = Rates(self.model.registry.currency, lambda currency: self.model.rates_of(self._connection, currency))
        return Normaliser(self.model.registry, rates, self.moment.today)

    def context(self, depth: int) -> WriteContext:
        """Return what hooks get beside the writes."""
        return WriteContext(self.access, self.now, self.moment.today, self.trusted, depth)

    def created_here(self, info: EntityInfo, record: UUID) -> bool:
        """Return whether this transaction has created *record* of the entity *info*."""
        return (info.id, record) in self._created

    @own_step
    def take(self, *writes: Write) -> None:
        """Take *writes* that crmkit itself makes through all steps."""
        self._live(writes)

    @own_step
    def note(self, entries: Sequence[Entry]) -> None:
        """Keep *entries* for the ledger, which is written when the transaction ends."""
        self._entries += entries
        self._created |= {(entry.entity, entry.record_id) for entry in entries if entry.kind == "create"}
        self._touched |= {entry.entity for entry in entries}

    @own_step
    def without_limits(self, model: Model) -> Writer:
        """Return a writer without limits in this transaction, for *model*; what it has pending is to be noted here."""
        held = Held(self._connection, writes=True)
        return Writer(model, held, model.system_access, self.cause, self._request, self.depth, self.traces)

    @property
    def pending(self) -> Sequence[Entry]:
        """What this transaction has written since it wrote to the ledger last."""
        return tuple(self._entries)

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Refuse to commit if the block fails half-way."""
        try:
            yield
        except BaseException as error:
            self._broken = error
            raise

    def history(self, record: Record, *, limit: int | None = None, after: int = 0) -> list[LedgerEntry]:
        """Return what happened to *record*, this transaction's writes included; see :meth:`Reader.history`."""
        self.flush()
        return super().history(record, limit=limit, after=after)

    def flush(self) -> tuple[int, int] | None:
        """Write what is due to the ledger now and return its first and last row; others then wait for this writer."""
        if not self._entries:
            return None
        span = self.model.ledger.append(self._connection, self._entries, self.now, self.access.user_id, self._request)
        self._spans.append(span)
        self._entries = []
        return span

    @contextmanager
    def because(self, cause: str) -> Iterator[None]:
        """Have the ledger say *cause* of what is written inside the block."""
        before, self.cause = self.cause, cause
        try:
            yield
        finally:
            self.cause = before

    @own_step
    def finish(self) -> None:
        """Write the ledger and the outbox; called when the block ends, before the commit.

        Raises:
            WriterBrokenError: a write failed half-way and its error was swallowed.
        """
        self._check_whole()
        self.flush()
        if self._spans:
            first, last = self._spans[0][0], self._spans[-1][1]
            self.model.ledger.announce(self._connection, first, last, self.now, self.traces())
        if self._touched & ACCESS_ENTITIES:
            self.model.epochs.raise_policy(self._connection)
        if self._touched & self.model.defining:
            self.model.epochs.raise_definitions(self._connection)

    @own_step
    def leave(self) -> frozenset[str]:
        """Return of which entities something was written; called in place of :meth:`finish` where nothing is kept.

        Raises:
            WriterBrokenError: as for :meth:`finish`.
        """
        self._check_whole()
        return frozenset(self._touched)

    def _check_whole(self) -> None:
        if self._broken is not None:
            raise WriterBrokenError(self._broken)

    def _live(self, writes: Sequence[Write]) -> list[Write]:
        self._check_whole()
        for place, write in enumerate(writes):
            write.place = place
        with self._noticing_collisions():
            return live(self, writes) if writes else []

    @contextmanager
    def _noticing_collisions(self) -> Iterator[None]:
        """Refuse to commit what the database has ended already, though nothing was written half-way."""
        try:
            yield
        except TryAgainError as error:
            self._broken = error
            raise

    def _write(self, kind: Kind, record: Record, values: dict[str, Any]) -> Write:
        return Write(kind, entity_info(type(record)), record.id, values, version=record.version)

    def _stored(self, record: R) -> R:
        """Return *record* as it stands now, with the fields that the principal may read: they have just written it."""
        info = self.model.registry.entity(type(record))
        values = self.trusted.stored_rows(info, "read", [record.id])[record.id][0]
        values = {**values, **stored_custom(info, values)}
        return record_from_values(info, self.access.entity(info).readable, values)  # type: ignore[no-any-return]

    def _written(self, write: Write) -> Any:
        values = {**write.stored, **write.values}
        if write.kind != "create" and write.values:
            values |= {"version": write.stored["version"] + 1, "updated_at": self.now}
        return record_from_values(write.entity, self.access.entity(write.entity).readable, values)


def _check_applies(verb: Kind, records: Sequence[Record]) -> None:
    for info in dict.fromkeys(entity_info(type(record)) for record in records):
        if verb == "transfer" and not info.owned:
            raise InapplicableVerbError(info.id, verb, _("its records have no owner"))
        if verb == "move" and not info.pipelined:
            raise InapplicableVerbError(info.id, verb, _("its records stand in no pipeline"))
