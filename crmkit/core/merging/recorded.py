"""What the ledger tells of a merge: each record that it wrote, with the values before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import msgspec
import sqlalchemy as sa

from crmkit.core.encryption.changes import decode_changes
from crmkit.core.fields import FieldType, Target
from crmkit.core.ledger import encode_changes
from crmkit.core.money import Money

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["Recorded", "is_the_same", "read_merge", "value_of"]


@attrs.frozen
class Recorded:
    """One row of the ledger: *changes* maps fields to the values (old, new) as JSON, ``None`` after an erasure."""

    entity: str
    record_id: UUID
    kind: str
    changes: Mapping[str, tuple[Any, Any]] | None


def read_merge(writer: Writer, first: int, last: int) -> list[Recorded]:
    """Return the rows *first* to *last* of the ledger."""
    ledger, payload = writer.model.schema.system.ledger, writer.model.schema.system.ledger_payload
    columns = sa.select(ledger.c.entity, ledger.c.record_id, ledger.c.kind, payload.c.changes)
    joined = columns.select_from(ledger.outerjoin(payload, payload.c.ledger_id == ledger.c.id))
    rows = writer.connection.execute(joined.where(ledger.c.id.between(first, last)).order_by(ledger.c.id))
    keys = writer.model.schema.keys
    return [
        Recorded(entity, record, kind, None if told is None else decode_changes(keys, entity, record, told))
        for entity, record, kind, told in rows
    ]


def is_the_same(value: Any, recorded: Any) -> bool:
    """Return whether *value* is what the ledger has *recorded*."""
    written = msgspec.json.decode(encode_changes({"": (None, value)}))[""][1]
    return bool(written == recorded)


def value_of(kind: FieldType, recorded: Any) -> Any:
    """Return the value of a field of *kind* that the ledger has *recorded*."""
    if recorded is None:
        return None
    if kind.python is Money:
        return Money.of(recorded["amount"], recorded["currency"])
    if kind.python is Target:
        return Target(recorded["entity"], UUID(recorded["id"]))
    return msgspec.convert(recorded, kind.python if kind.python is not object else Any, strict=False)
