"""What was written, row by row of the ledger, in the order of commits: for crmkit's own steps, masked by nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import msgspec
import sqlalchemy as sa

from crmkit.core.fields import Column
from crmkit.core.reading.ordering import CursorError
from crmkit.core.storage.codecs import slot_decoder
from crmkit.core.storage.prepared import Prepared

if TYPE_CHECKING:
    from crmkit.core.model import Model
    from crmkit.core.reading.reader import Reader

__all__ = ["Write", "Written", "read_written"]

_ID, _MOMENT = Column("", "uuid"), Column("", "datetime")
_LARGEST = 2**63 - 1


@attrs.frozen
class Write:
    """A row of the ledger with the values beside it, by the names that it has for fields; erased ones are ``None``."""

    position: int
    at: datetime
    principal_id: UUID | None
    entity: str
    record_id: UUID
    kind: str
    cause: str
    depth: int
    changes: Mapping[str, Any] | None


@attrs.frozen
class Written:
    """Rows of the ledger that follow each other, the last of them at *position*."""

    writes: Sequence[Write]
    position: int


def read_written(reader: Reader, after: int | None, limit: int) -> Written:
    """Return up to *limit* writes behind the position *after*; without one none, and the newest position.

    For crmkit's own steps: an :class:`Audience` tells of them.

    Raises:
        CursorError: *after* is no position.
    """
    if after is not None and (type(after) is not int or not 0 <= after <= _LARGEST):
        raise CursorError
    made = reader.model.statements.get(("written",), lambda: _Reading(reader.model))
    # Before the rows: what is committed in between is found there, or behind the position next time.
    newest = made.newest(reader)
    if after is None or after >= newest:
        return Written([], newest)
    writes = made.behind(reader, after, limit)
    return Written(writes, writes[-1].position if writes else newest)


class _Reading:
    """The prepared statements that read rows of the ledger."""

    def __init__(self, model: Model) -> None:
        system, dialect = model.schema.system, model.storage.dialect
        ledger, payload = system.ledger, system.ledger_payload
        c = ledger.c
        columns = (c.id, c.at, c.principal_id, c.entity, c.record_id, c.kind, c.cause, c.depth, payload.c.changes)
        behind = c.id > sa.bindparam("after", type_=sa.BigInteger(), required=True)
        rows = sa.select(*columns).select_from(ledger.outerjoin(payload, payload.c.ledger_id == c.id)).where(behind)
        most = sa.bindparam("most", type_=sa.Integer(), required=True)
        self._rows = Prepared(rows.order_by(c.id).limit(most), dialect)
        self._newest = Prepared(sa.select(system.ledger_head.c.last_id), dialect)
        self._id = slot_decoder(_ID, dialect.name) or _same
        self._moment = slot_decoder(_MOMENT, dialect.name) or _same

    def newest(self, reader: Reader) -> int:
        ((last,),) = self._newest.rows(reader.connection)
        return int(last)

    def behind(self, reader: Reader, after: int, limit: int) -> list[Write]:
        rows = self._rows.rows(reader.connection, {"after": after, "most": limit})
        return [self._write(*row) for row in rows]

    def _write(
        self, number: int, at: Any, who: Any, entity: str, id_: Any, kind: str, cause: str, depth: int, told: str | None
    ) -> Write:
        changes = None if told is None else msgspec.json.decode(told)
        author = None if who is None else self._id(who)
        at = self._moment(at).astimezone(UTC)
        return Write(number, at, author, entity, self._id(id_), kind, cause, depth, changes)


def _same(value: Any) -> Any:
    return value
