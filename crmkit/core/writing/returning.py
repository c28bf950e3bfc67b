"""What comes back with a record that is taken out of the bin: what its deletion took along.

The ledger tells what that was: what was deleted in the same transaction, and not by itself. It comes back if the
principal may restore it and all that it refers to is there. Rights and credentials do not come back: whoever restores a
user or a record gives them anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crmkit.core.entity import EntityInfo, FieldInfo
from crmkit.core.fields import Reference
from crmkit.core.policy.kept import CREDENTIALS
from crmkit.core.storage.batches import id_parameters
from crmkit.core.writing.changes import Write, grouped
from crmkit.core.writing.custom import stored_custom
from crmkit.core.writing.restoring import missing_for, references_of

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["bring_back"]

_RIGHTS = CREDENTIALS | {"core.assignment", "core.membership", "core.share"}
_MOST, _NEWEST = 500, 2**63


def bring_back(writer: Writer, first: Write) -> None:
    """Restore what the deletion of *first*, a record restored just now, took along, as far as the principal may."""
    waiting: dict[tuple[str, UUID], Write] = {}
    restored, span = [first], None
    while restored:
        candidates = list(_in_bin_with(writer, restored))
        if candidates:
            span = span or _transaction_of_deletion(writer, first)
            waiting |= {w.key: w for w in _within(writer, candidates, span)}
        restored = _ready(writer, list(waiting.values()))
        for write in restored:
            del waiting[write.key]
        writer.take(*restored)


def _in_bin_with(writer: Writer, restored: Sequence[Write]) -> Iterator[Write]:
    """Yield a restore of each record in the bin that a deletion of one of *restored* would have taken along."""
    registry = writer.model.registry
    for entity, group in grouped(restored, lambda w: w.entity.id):
        for info, field in registry.references_to(entity):
            host = registry.entities[info.host or info.id]
            if isinstance(field.type, Reference) and field.type.on_delete == "cascade" and host.id not in _RIGHTS:
                statement = partial(_of_referring, writer, info, host, field)
                ids = [w.record_id for w in group]
                for id_ in sorted(writer.trusted.ids_by_ids(("in bin with", info.table, field.name), statement, ids)):
                    yield Write("restore", host, id_, {}, depth=1)


def _of_referring(writer: Writer, info: EntityInfo, host: EntityInfo, field: FieldInfo, number: int) -> sa.Select[Any]:
    table, hosts = writer.model.schema.table(info), writer.model.schema.table(host)
    statement = sa.select(hosts.c.id)
    if info.host is not None:
        statement = statement.join(table, table.c.record_id == hosts.c.id)
    return statement.where(hosts.c.deleted_at.is_not(None), table.c[field.name].in_(id_parameters(number)))


def _transaction_of_deletion(writer: Writer, deleted: Write) -> tuple[int, int]:
    """Return the first and the last row of the ledger that were written with the newest deletion of a record."""
    # It may be one of this transaction.
    writer.flush()
    ledger, outbox = writer.model.schema.system.ledger, writer.model.schema.system.outbox
    mine = (ledger.c.entity == deleted.entity.id, ledger.c.record_id == deleted.record_id, ledger.c.kind == "delete")
    row = writer.connection.scalar(sa.select(sa.func.max(ledger.c.id)).where(*mine)) or 0
    spans = sa.select(outbox.c.first_id, outbox.c.last_id).where(outbox.c.first_id <= row)
    first, last = writer.connection.execute(spans.order_by(outbox.c.first_id.desc()).limit(1)).one_or_none() or (0, 0)
    if row <= last:
        return first, last
    announced = writer.connection.scalar(sa.select(sa.func.max(outbox.c.last_id))) or 0
    # What no transaction has announced yet belongs to this one; what was forgotten took nothing along.
    return (announced + 1, _NEWEST) if row > announced else (row, row)


def _within(writer: Writer, candidates: Sequence[Write], span: tuple[int, int]) -> Iterator[Write]:
    """Yield those of *candidates* whose newest deletion lies within *span* of the ledger and was a consequence."""
    ledger = writer.model.schema.system.ledger
    for entity, group in grouped(candidates, lambda w: w.entity.id):
        newest: dict[UUID, tuple[int, int]] = {}
        for start in range(0, len(group), _MOST):
            ids = [w.record_id for w in group[start : start + _MOST]]
            deletions = sa.select(ledger.c.record_id, ledger.c.id, ledger.c.depth).where(
                ledger.c.entity == entity, ledger.c.kind == "delete", ledger.c.record_id.in_(ids)
            )
            newest |= {
                id_: (row, depth) for id_, row, depth in writer.connection.execute(deletions.order_by(ledger.c.id))
            }
        for write in group:
            row, depth = newest.get(write.record_id, (0, 0))
            if depth and span[0] <= row <= span[1]:
                yield write


def _ready(writer: Writer, waiting: Sequence[Write]) -> list[Write]:
    """Return those of *waiting* that the principal may restore now, with their stored rows."""
    found: list[Write] = []
    for entity, group in grouped(waiting, lambda w: w.entity.id):
        info, ids = writer.model.registry.entities[entity], sorted(w.record_id for w in group)
        rows = writer.stored_rows(info, "delete", ids)
        sides = writer.model.store.read_extensions(writer.connection, info, ids)
        for write in group:
            values, visible, allowed = rows[write.record_id]
            if visible and allowed and values["deleted_at"] is not None:
                write.stored = values | sides[write.record_id] | stored_custom(info, values)
                write.version = values["version"]
                found.append(write)
    missing = missing_for(writer, found)
    return [w for w in found if not any(key in missing for _name, key in references_of(writer, w))]
