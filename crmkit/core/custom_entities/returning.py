"""Erasing what a removed entity still has of somebody who was erased meanwhile, in the transaction that restores it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crmkit.core.privacy.returning import erase_returned
from crmkit.core.writing.changes import Write

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["clear_restored"]


def clear_restored(writer: Writer, writes: Sequence[Write]) -> None:
    """Erase what the entities that *writes* restore have of whom was erased since they were removed.

    Raises:
        LegalHoldError, ConflictError: something of it is under a legal hold.
    """
    restored = [w for w in writes if w.entity.id == "core.custom_entity" and w.kind == "restore"]
    if not restored:
        return
    # The ledger has to know what this transaction wrote before it is told what was erased.
    writer.flush()
    model = writer.model.base.extended(writer.connection, writer.model.number)
    known = writer.model.registry.entities
    returned = [info for id_, info in model.registry.entities.items() if id_ not in known]
    since = min(write.stored["deleted_at"] for write in restored)
    clearing = writer.without_limits(model)
    with writer.all_or_nothing():
        erase_returned(clearing, returned, since, "core.custom_entity", writer)
    writer.note(clearing.pending)
