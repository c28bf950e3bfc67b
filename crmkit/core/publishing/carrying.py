"""Carrying records over to the newest version of their pipeline: in batches, each with a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import sqlalchemy as sa

from crmkit.core.entity import Record, entity_info
from crmkit.core.pipelines import Pipeline, Refusal, UnknownPipelineError
from crmkit.core.publishing.entities import PipelineVersion
from crmkit.core.writing.changes import Write
from crmkit.core.writing.life import load_stored
from crmkit.core.writing.stages import plan_carried

if TYPE_CHECKING:
    from crmkit.core.crm import CRM
    from crmkit.core.writing.writer import Writer

__all__ = ["CarriedOver", "carry_over"]


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
    size: int = 500,
    watch: Callable[[CarriedOver], None] | None = None,
) -> CarriedOver:
    """Move the records of older versions of *pipeline* as the mappings of its published versions say.

    With *everything*, records whose stage is still there are pinned to the newest version too. Each batch of *size* is
    one transaction, written by the system; cut short, the next call goes on behind the last batch. *watch* is told
    after each.

    Raises:
        UnknownPipelineError: there is no such pipeline.
    """
    done, has_more = CarriedOver(), True
    while has_more:
        with crm.system(f"pipeline {pipeline}: records are carried over to its newest version") as db:
            batch = _Batch(db, pipeline, everything)
            done, has_more = batch.go_on(size)
        if watch is not None:
            watch(done)
    return done


class _Batch:
    def __init__(self, db: Writer, pipeline: str, everything: bool) -> None:
        newest = db.model.registry.pipelines.get(pipeline)
        if newest is None:
            raise UnknownPipelineError("core.pipeline_version", pipeline, sorted(db.model.registry.pipelines))
        self.db, self.newest, self.everything = db, newest, everything
        self.cls = db.model.registry.entities[newest.entity].cls
        self.table = db.model.schema.system.checkpoint
        self.key = f"pipeline:{pipeline}@{newest.version}"

    def go_on(self, size: int) -> tuple[CarriedOver, bool]:
        """Carry the next *size* records over; return how far that is in all, and whether there are more."""
        state = self._load()
        done = CarriedOver(**state.get("done", {}))
        old: Any = (self.cls.f.pipeline == self.newest.id) & (self.cls.f.pipeline_version != self.newest.version)
        page = self.db.page(self.cls, old, limit=size, after=state.get("cursor"))
        mapping = _mapping(self.db, self.newest)
        slugs = {stage.slug for stage in self.newest.stages}
        self._move([r for r in page.records if r.stage in mapping], mapping, done)
        if self.everything:
            self._pin([r for r in page.records if r.stage in slugs], done)
        self._save(None if page.next is None else {"cursor": page.next, "done": attrs.asdict(done)})
        return done, page.next is not None

    def _move(self, records: Sequence[Any], mapping: dict[str, str], done: CarriedOver) -> None:
        writes = [Write("move", entity_info(self.cls), record.id, {}) for record in records]
        try:
            with self.db.attempt():
                self._carry(writes, mapping)
                done.moved += len(writes)
        except Refusal:
            for record in records:
                self._move_one(record, mapping, done)

    def _move_one(self, record: Record, mapping: dict[str, str], done: CarriedOver) -> None:
        try:
            with self.db.attempt():
                self._carry([Write("move", entity_info(self.cls), record.id, {})], mapping)
                done.moved += 1
        except Refusal:
            done.left += 1

    def _carry(self, writes: list[Write], mapping: dict[str, str]) -> None:
        load_stored(self.db, writes)
        for write in writes:
            plan_carried(self.db, write, self.newest, mapping[write.stored["stage"]])
        self.db.take(*writes)

    def _pin(self, records: Sequence[Any], done: CarriedOver) -> None:
        values = {"pipeline_version": self.newest.version}
        info = entity_info(self.cls)
        self.db.take(*(Write("update", info, record.id, dict(values), trusted=True) for record in records))
        done.pinned += len(records)

    def _load(self) -> dict[str, Any]:
        found = self.db.connection.scalar(sa.select(self.table.c.state).where(self.table.c.key == self.key))
        return found or {}

    def _save(self, state: dict[str, Any] | None) -> None:
        self.db.connection.execute(sa.delete(self.table).where(self.table.c.key == self.key))
        if state is not None:
            row = {"key": self.key, "position": 0, "state": state, "updated_at": self.db.now}
            self.db.connection.execute(sa.insert(self.table).values(**row))


def _mapping(db: Writer, newest: Pipeline) -> dict[str, str]:
    """Return where each stage leads that went in some version: through as many mappings as there were since."""
    versions = db.trusted.find(PipelineVersion, f'pipeline == "{newest.id}" && published_at != null', order_by="number")
    found: dict[str, str] = {}
    for version in versions:
        found = {source: version.mapping.get(target, target) for source, target in found.items()}
        found |= version.mapping
    slugs = {stage.slug for stage in newest.stages}
    return {source: target for source, target in found.items() if target in slugs and source not in slugs}
