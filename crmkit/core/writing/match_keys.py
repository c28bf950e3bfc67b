"""Keeping the keys by which records are matched: in the same transaction as the values that they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmkit.core.writing.changes import Write, grouped

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["keep_match_keys"]

_MOST = 500


def keep_match_keys(writer: Writer, writes: Sequence[Write]) -> None:
    """Write the keys of records that are new, or in which a field that decides them changed."""
    matchers = writer.model.registry.matchers
    if not matchers:
        return
    for entity, group in grouped(writes, lambda w: w.entity.id):
        matcher = matchers.get(entity)
        if matcher is None:
            continue
        changed = [w for w in group if w.kind == "create" or not matcher.needs.isdisjoint(w.values)]
        _forget(writer, entity, [w for w in changed if w.kind != "create"])
        rows = [
            {"entity": entity, "key": key, "record_id": w.record_id}
            for w in changed
            for key in sorted(matcher.of({name: w.get(name) for name in matcher.needs}))
        ]
        writer.model.match_keys.insert(writer.connection, rows)


def _forget(writer: Writer, entity: str, writes: Sequence[Write]) -> None:
    table = writer.model.schema.system.match_key
    for start in range(0, len(writes), _MOST):
        ids = [w.record_id for w in writes[start : start + _MOST]]
        writer.connection.execute(sa.delete(table).where(table.c.entity == entity, table.c.record_id.in_(ids)))
