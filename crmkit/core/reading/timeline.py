"""The time line of one record: what happened to it and around it, newest first, read in one statement."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import attrs
import msgspec
import sqlalchemy as sa

from crmkit.core.entity import EntityInfo
from crmkit.core.fields import Column
from crmkit.core.ledger import LedgerEntry, ledger_names, ledger_row, told_of_history
from crmkit.core.policy.credentials import credentials_of
from crmkit.core.policy.visibility import Visibility
from crmkit.core.reading.ordering import CursorError
from crmkit.core.reading.packing import Packed
from crmkit.core.reading.routes import HOST, Routes
from crmkit.core.reading.visits import Visit, visit_columns, visit_row
from crmkit.core.rules.portable import Unindexed
from crmkit.core.sections import TimelinePart
from crmkit.core.storage.codecs import slot_decoder
from crmkit.core.storage.columns import Id, Moment
from crmkit.core.storage.prepared import Row
from crmkit.core.storage.schema import Schema

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader

__all__ = ["Timeline", "TimelineEntry", "read_timeline"]

HISTORY = "core.history"
_AT, _KEY = "crm_at", "crm_key"
_MOMENT, _ID = Column("", "datetime"), Column("", "uuid")
_LATEST = datetime.max.replace(tzinfo=UTC)
_LARGEST = 2**63 - 1
_LAST_ID = UUID(int=2**128 - 1)
_FIRST_ID = UUID(int=0)


@attrs.frozen
class TimelineEntry:
    """Something that happened *at* a moment.

    A record of a *part* happened; or it moved, and *visit* is the stay in a stage that began; or the host itself was
    written, and *change* is what its history says of that.
    """

    at: datetime
    part: TimelinePart | None
    record: Any = None
    visit: Visit | None = None
    change: LedgerEntry | None = None

    @property
    def kind(self) -> Literal["record", "move", "change"]:
        """What happened: a record, a move, or a change of the host."""
        if self.change is not None:
            return "change"
        return "record" if self.visit is None else "move"


@attrs.frozen
class Timeline:
    """Some entries, newest first, and the cursor behind the last of them; ``None`` at the end."""

    entries: list[TimelineEntry]
    next: str | None


def read_timeline(reader: Reader, host: EntityInfo, record_id: UUID, limit: int, after: str | None) -> Timeline:
    """Return up to *limit* entries behind the cursor *after* that *reader* may know of a visible record of *host*.

    Raises:
        CursorError: *after* is no cursor of a time line.
    """
    made = reader.kept(("timeline", host.id, limit), lambda: _Lines(reader, host, limit + 1))
    found = made.read(reader, record_id, None if after is None else _decoded(after))
    if len(found) <= limit:
        return Timeline([entry for _mark, entry in found], None)
    return Timeline([entry for _mark, entry in found[:limit]], _encoded(found[limit - 1][0]))


@attrs.frozen
class _Mark:
    """Where an entry stands: later ones first, then by part, then by key."""

    at: datetime
    part: str
    key: UUID | int

    @property
    def place(self) -> tuple[timedelta, str, int]:
        """What time lines are sorted by."""
        return _LATEST - self.at, self.part, -int(self.key)


def _encoded(mark: _Mark) -> str:
    body = msgspec.json.encode([mark.at, mark.part, str(mark.key)])
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


def _decoded(cursor: str) -> _Mark:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        at, part, key = msgspec.json.decode(base64.urlsafe_b64decode(padded), type=tuple[datetime, str, str])
        if at.tzinfo is None:
            raise CursorError
        number = int(key) if key.isascii() and key.isdigit() else None
        if number is not None and number > _LARGEST:
            raise CursorError
        return _Mark(at, part, UUID(key) if number is None else number)
    except (ValueError, TypeError, msgspec.MsgspecError):
        raise CursorError from None


class _Lines:
    """The prepared statement of everything on the time line of one host, for one shape of access."""

    def __init__(self, reader: Reader, host: EntityInfo, limit: int) -> None:
        model, visibility = reader.model, reader.named_visibility
        routes = Routes(visibility, host)
        lines: list[_Line] = [_history(reader, host)]
        for part in model.registry.timeline_parts.values():
            info = model.registry.entities[part.entity]
            ids = routes.leading(info, part.via) if _sees(visibility, part, info) else None
            if ids is not None:
                lines.append((_records if part.at else _moves)(reader, part, info, ids))
        self._lines = lines
        self._packed = Packed([line.newest(limit, n) for n, line in enumerate(lines)], model.storage.dialect)

    def read(self, reader: Reader, record_id: UUID, after: _Mark | None) -> list[tuple[_Mark, TimelineEntry]]:
        given: dict[str, Any] = {HOST: record_id, "after_at": after.at if after else _LATEST}
        given |= {f"after_{n}": line.key_after(after) for n, line in enumerate(self._lines)}
        parts = self._packed.rows(reader.connection, reader.given(None, given))
        entries = [pair for line, rows in zip(self._lines, parts, strict=True) for pair in line.entries(rows)]
        return sorted(entries, key=lambda pair: pair[0].place)


@attrs.frozen(eq=False)
class _Line:
    """What one part selects: a moment and a key before the other cells, and what makes entries of these."""

    id: str
    statement: sa.Select[Any]
    at: Any
    key: Any
    made: Callable[[Sequence[Row]], Iterator[dict[str, Any]]]
    part: TimelinePart | None
    moment: Callable[[Any], datetime]
    own_key: Callable[[Any], UUID | int]

    @property
    def _by_id(self) -> bool:
        return isinstance(self.key.type, Id)

    def newest(self, limit: int, number: int) -> sa.Select[Any]:
        """Return the newest entries behind the mark; SQLite is to begin at the few that belong to the host."""
        mark = sa.tuple_(
            sa.bindparam("after_at", type_=Moment(), required=True),
            sa.bindparam(f"after_{number}", type_=self.key.type, required=True),
        )
        behind = Unindexed(sa.tuple_(self.at, self.key) < mark)
        return self.statement.where(behind).order_by(self.at.desc(), self.key.desc()).limit(limit)

    def key_after(self, mark: _Mark | None) -> UUID | int:
        """Return the key behind which this part goes on at the moment of *mark*.

        Raises:
            CursorError: the mark's key is none of this part's.
        """
        if mark is not None and mark.part == self.id:
            if isinstance(mark.key, UUID) is not self._by_id:
                raise CursorError
            return mark.key
        ends = mark is not None and mark.part > self.id
        if self._by_id:
            return _FIRST_ID if ends else _LAST_ID
        return 0 if ends else _LARGEST

    def entries(self, rows: Sequence[Row]) -> Iterator[tuple[_Mark, TimelineEntry]]:
        for row, values in zip(rows, self.made([row[2:] for row in rows]), strict=True):
            at = self.moment(row[0])
            yield _Mark(at, self.id, self.own_key(row[1])), TimelineEntry(at, self.part, **values)


def _sees(visibility: Visibility, part: TimelinePart, info: EntityInfo) -> bool:
    access = visibility.access.entity(info)
    needed = {part.at} if part.at else {"stage", "stage_entered_at"}
    may = visibility.access.is_system or bool(access.scope("read") or access.shared)
    return may and needed <= access.readable


def _line(reader: Reader, id_: str, statement: Any, at: Any, key: Any, made: Any, part: TimelinePart | None) -> _Line:
    dialect = reader.model.storage.dialect.name
    decode_id = slot_decoder(_ID, dialect) if isinstance(key.type, Id) else None
    moment = slot_decoder(_MOMENT, dialect) or _in_utc
    return _Line(id_, statement, at, key, made, part, moment, decode_id or _same)


def _same(value: Any) -> Any:
    return value


def _in_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


def _records(reader: Reader, part: TimelinePart, info: EntityInfo, ids: Any) -> _Line:
    visibility, loader = reader.named_visibility, reader.model.loader(info, reader.access)
    table = reader.model.schema.table(info)
    at = table.c[str(part.at)]
    columns = [table.c[name] for name in loader.columns]
    statement = sa.select(at.label(_AT), table.c.id.label(_KEY), *columns)
    statement = statement.where(*_belonging(visibility, info, table, ids))

    def made(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
        return ({"record": record} for record in loader.load(rows))

    return _line(reader, part.id, statement, at, table.c.id, made, part)


def _moves(reader: Reader, part: TimelinePart, info: EntityInfo, ids: Any) -> _Line:
    visibility, loader = reader.named_visibility, reader.model.loader(info, reader.access)
    table, visit = reader.model.schema.table(info), reader.model.schema.system.stage_visit
    told = visit_columns(visibility, info)
    columns = [column.label(f"crm_visit_{name}") for name, column in told.items()]
    statement = sa.select(visit.c.entered_at.label(_AT), visit.c.id.label(_KEY), *columns)
    statement = statement.add_columns(*(table.c[name] for name in loader.columns))
    statement = statement.select_from(visit.join(table, table.c.id == visit.c.record_id))
    statement = statement.where(visit.c.entity == info.id, visit.c.record_id.in_(ids))
    statement = statement.where(table.c.deleted_at.is_(None), Unindexed(visibility.predicate(info, table.c)))
    decode = visit_row(list(told), reader.model.storage.dialect.name)

    def made(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
        records = loader.load([row[len(told) :] for row in rows])
        return ({"record": record, "visit": decode(row)} for row, record in zip(rows, records, strict=True))

    return _line(reader, part.id, statement, visit.c.entered_at, visit.c.id, made, part)


def _belonging(visibility: Visibility, info: EntityInfo, table: sa.Table, ids: Any) -> Iterator[Any]:
    yield table.c.id.in_(ids)
    yield table.c.deleted_at.is_(None)
    yield Unindexed(visibility.predicate(info, table.c))


def _history(reader: Reader, host: EntityInfo) -> _Line:
    schema: Schema = reader.model.schema
    ledger, joined, columns = told_of_history(schema, reader.named_visibility)
    statement = sa.select(ledger.c.at.label(_AT), ledger.c.id.label(_KEY), *columns, ledger.c.record_id)
    statement = statement.select_from(joined)
    mine = ledger.c.record_id == sa.bindparam(HOST, type_=Id(), required=True)
    statement = statement.where(ledger.c.entity == host.id, mine)
    names = ledger_names(reader.model.registry.fields(host.id), reader.access.entity(host).readable)
    withheld = credentials_of(reader.model.registry, host.id)
    decode = ledger_row(reader.model.storage.dialect.name, schema.keys, host.id, names, withheld)

    def made(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
        return ({"change": decode(row)} for row in rows)

    return _line(reader, HISTORY, statement, ledger.c.at, ledger.c.id, made, None)
