"""Carrying records over to the newest version of their pipeline: in batches, each with a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from crmkit.core.entity import Record, entity_info
from crmkit.core.jobs.context import WorkContext
from crmkit.core.jobs.job import Job
from crmkit.core.pipelines import Pipeline, Refusal, UnknownPipelineError
from crmkit.core.publishing.checking import check_may_edit
from crmkit.core.publishing.entities import PipelineVersion
from crmkit.core.writing.changes import Write
from crmkit.core.writing.life import load_stored
from crmkit.core.writing.stages import plan_carried

if TYPE_CHECKING:
    from crmkit.core.crm import CRM
    from crmkit.core.writing.writer import Writer

__all__ = ["CARRY_OVER", "CarriedOver", "CarryOver", "carry_over", "plan_carry_over"]

AT_ONCE = 500


@attrs.define
class CarriedOver:
    """How many records have been *moved* by the mapping, were only *pinned* to the newest version, or *left* behind.

    A record is left where it lacks what its new stage requires; it stays in its retired stage until somebody helps.
    """

    moved: int = 0
    pinned: int = 0
    left: int = 0


def carry_over(
    crm: CRM,
    pipeline: str,
    *,
    everything: bool = False,
    size: int = AT_ONCE,
    watch: Callable[[CarriedOver], None] | None = None,
) -> CarriedOver:
    """Move the records of older versions of *pipeline* as the mappings of its published versions say.

    With *everything*, records whose stage is still there are pinned to the newest version too. Each batch of *size* is
    one transaction, written by the system; cut short, the next call goes on behind the last batch. *watch* is told
    after each.

    Raises:
        UnknownPipelineError: there is no such pipeline.
    """
    reason = f"pipeline {pipeline}: records are carried over to its newest version"
    done = CarriedOver()
    for stand in _batches(lambda: crm.system(reason), pipeline, everything, size):
        done = stand.done
        if watch is not None:
            watch(done)
    return done


@attrs.frozen
class CarryOver:
    """The arguments of the job ``core.carry_over``; see :func:`carry_over`."""

    pipeline: str
    everything: bool = False


def plan_carry_over(db: Writer, pipeline: str, *, everything: bool = False) -> UUID:
    """Have a worker do what :func:`carry_over` does, and return the id of the job; that tells how far it has come.

    A worker that dies half-way leaves the rest to the next one, which goes on behind the last batch.

    Raises:
        UnknownPipelineError: there is no such pipeline.
        ForbiddenError: the principal may not edit pipelines.
    """
    check_may_edit(db, pipeline)
    _newest(db, pipeline)
    return db.enqueue(CARRY_OVER, CarryOver(pipeline, everything))


def _carry_over(context: WorkContext, asked: CarryOver) -> None:
    for stand in _batches(context.write, asked.pipeline, asked.everything, AT_ONCE):
        context.progress(stand.seen, stand.total)


CARRY_OVER = Job("core.carry_over", _carry_over, CarryOver, time_limit=timedelta(hours=4), priority="low")


@attrs.frozen
class _Stand:
    """How far it has come: what was *done*, how many records were *seen*, of how many in *total*."""

    done: CarriedOver
    seen: int
    total: int
    cursor: str | None


def _batches(
    write: Callable[[], AbstractContextManager[Writer]], pipeline: str, everything: bool, size: int
) -> Iterator[_Stand]:
    """Carry batch after batch over, each in a transaction that *write* opens, and yield how far that is."""
    has_more = True
    while has_more:
        with write() as db:
            stand = _Batch(db, pipeline, everything).go_on(size)
        has_more = stand.cursor is not None
        yield stand


def _newest(db: Writer, pipeline: str) -> Pipeline:
    newest = db.model.registry.pipelines.get(pipeline)
    if newest is None:
        raise UnknownPipelineError("core.pipeline_version", pipeline, sorted(db.model.registry.pipelines))
    return newest


class _Batch:
    def __init__(self, db: Writer, pipeline: str, everything: bool) -> None:
        self.db, self.newest, self.everything = db, _newest(db, pipeline), everything
        self.cls = db.model.registry.entities[self.newest.entity].cls
        self.table = db.model.schema.system.checkpoint
        self.key = f"pipeline:{pipeline}@{self.newest.version}"

    def go_on(self, size: int) -> _Stand:
        """Carry the next *size* records over and return how far that is in all."""
        state = self._load()
        done = CarriedOver(**state.get("done", {}))
        old: Any = (self.cls.f.pipeline == self.newest.id) & (self.cls.f.pipeline_version != self.newest.version)
        total = state["total"] if "total" in state else self.db.count(self.cls, old)
        page = self.db.page(self.cls, old, limit=size, after=state.get("cursor"))
        mapping = _mapping(self.db, self.newest)
        slugs = {stage.slug for stage in self.newest.stages}
        self._move([r for r in page.records if r.stage in mapping], mapping, done)
        if self.everything:
            self._pin([r for r in page.records if r.stage in slugs], done)
        stand = _Stand(done, state.get("seen", 0) + len(page.records), total, page.next)
        self._save(stand)
        return stand

    def _move(self, records: Sequence[Any], mapping: dict[str, str], done: CarriedOver) -> None:
        writes = [Write("move", entity_info(self.cls), record.id, {}) for record in records]
        try:
            with self.db.attempt():
                done.moved += self._carry(writes, mapping)
        except Refusal:
            for record in records:
                self._move_one(record, mapping, done)

    def _move_one(self, record: Record, mapping: dict[str, str], done: CarriedOver) -> None:
        try:
            with self.db.attempt():
                done.moved += self._carry([Write("move", entity_info(self.cls), record.id, {})], mapping)
        except Refusal:
            done.left += 1

    def _carry(self, writes: list[Write], mapping: dict[str, str]) -> int:
        """Move what still stands in a stage that is gone, now that it is locked, and return how many that are."""
        load_stored(self.db, writes)
        here = [w for w in writes if w.stored["pipeline"] == self.newest.id and w.stored["stage"] in mapping]
        for write in here:
            plan_carried(self.db, write, self.newest, mapping[write.stored["stage"]])
        self.db.take(*here)
        return len(here)

    def _pin(self, records: Sequence[Any], done: CarriedOver) -> None:
        values = {"pipeline_version": self.newest.version}
        info = entity_info(self.cls)
        self.db.take(*(Write("update", info, record.id, dict(values), trusted=True) for record in records))
        done.pinned += len(records)

    def _load(self) -> dict[str, Any]:
        """Return how far it is, and let nobody else go on with the same pipeline before this batch is done."""
        insert = (sqlite if self.db.model.storage.is_sqlite else postgresql).insert(self.table)
        row = {"key": self.key, "position": 0, "state": None, "updated_at": self.db.now}
        self.db.connection.execute(insert.values(**row).on_conflict_do_nothing())
        mine = sa.select(self.table.c.state).where(self.table.c.key == self.key)
        return self.db.connection.scalar(mine.with_for_update()) or {}

    def _save(self, stand: _Stand) -> None:
        mine = self.table.c.key == self.key
        if stand.cursor is None:
            self.db.connection.execute(sa.delete(self.table).where(mine))
            return
        values = {"position": stand.seen, "state": attrs.asdict(stand), "updated_at": self.db.now}
        self.db.connection.execute(sa.update(self.table).where(mine).values(**values))


def _mapping(db: Writer, newest: Pipeline) -> dict[str, str]:
    """Return where each stage leads that went in some version: through as many mappings as there were since."""
    versions = db.trusted.find(PipelineVersion, f'pipeline == "{newest.id}" && published_at != null', order_by="number")
    found: dict[str, str] = {}
    for version in versions:
        found = {source: version.mapping.get(target, target) for source, target in found.items()}
        found |= version.mapping
    slugs = {stage.slug for stage in newest.stages}
    return {source: target for source, target in found.items() if target in slugs and source not in slugs}
