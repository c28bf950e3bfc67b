"""Whether the history of each record, told from its beginning, ends with the record as it is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import attrs
import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.encryption.changes import decode_changes
from crmkit.core.encryption.errors import SealedValueError
from crmkit.core.encryption.keyring import Keyring
from crmkit.core.entity import EntityInfo, FieldInfo
from crmkit.core.ledger import ERASED, NO_WRITES, encode_changes, purged_rows
from crmkit.core.registry import Registry
from crmkit.core.storage.codecs import id_decoder
from crmkit.core.storage.loading import make_row_decoder
from crmkit.core.storage.schema import Schema, column_names, filter_column
from crmkit.core.storage.sealing import token_of
from crmkit.core.text import gettext as _
from crmkit.core.verifying.findings import Finding
from crmkit.core.writing.custom import stored_custom
from crmkit.core.writing.shapes import shape_of
from crmkit.core.writing.store import Store

__all__ = ["examine_histories"]

_PAGE, _MOST = 500, 100


@attrs.define
class _History:
    """What the ledger tells of one record: the newest value of each field, and how often it was written.

    Beside each value stands the row of the ledger. *purged* says by table up to which row what it tells is gone.
    """

    entity: str
    record: UUID
    keys: Keyring
    purged: Mapping[str, int]
    values: dict[str, tuple[Any, int]] = attrs.field(factory=dict)
    written: int = 0
    is_erased: bool = False

    def take(self, row: int, kind: str, changes: str | None) -> None:
        if kind == ERASED or changes is None:
            # What was known before may have been erased with what is gone.
            self.is_erased, self.values = True, {}
        if changes is not None:
            for name, (_old, new) in self._decoded(changes).items():
                # In the order in which they were written: a field may have gone back to a name that it had.
                self.values.pop(name, None)
                self.values[name] = new, row
        self.written += kind not in NO_WRITES

    def _decoded(self, changes: str) -> Mapping[str, Any]:
        try:
            found: Mapping[str, Any] = decode_changes(self.keys, self.entity, self.record, changes)
        except SealedValueError:
            # The digest tells that it was changed; the record is not compared with it.
            self.is_erased, self.values, found = True, {}, {}
        return found


def examine_histories(connection: Connection, schema: Schema, registry: Registry, store: Store) -> Iterator[Finding]:
    """Yield the records that are not what their history says, and those that one has and the other has not."""
    purged = purged_rows(connection, schema)
    for info in registry.entities.values():
        for rows in _pages(connection, schema, info):
            histories = _histories(connection, schema, info, rows, purged)
            for stored in _read_page(connection, schema, info, store, rows):
                if isinstance(stored, Finding):
                    yield stored
                else:
                    yield from _compared(info, registry, stored, histories.get(stored["id"]))
        yield from _vanished(connection, schema, info, purged.get(info.table, 0))


def _pages(connection: Connection, schema: Schema, info: EntityInfo) -> Iterator[dict[UUID, Any]]:
    """Yield the rows of *info* by id, as the driver gives them."""
    table, read = schema.table(info), id_decoder(connection.dialect.name)
    cells = [table.c[name] for field in info.fields.values() for name in column_names(field)]
    raw = [sa.type_coerce(cell, sa.types.NullType()).label(cell.name) for cell in cells]
    query = sa.select(*raw).select_from(table).order_by(table.c.id).limit(_PAGE)
    page = {read(row.id): row for row in connection.execute(query)}
    while page:
        yield page
        page = {read(row.id): row for row in connection.execute(query.where(table.c.id > list(page)[-1]))}


def _read_page(
    connection: Connection, schema: Schema, info: EntityInfo, store: Store, rows: Mapping[UUID, Any]
) -> Iterator[dict[str, Any] | Finding]:
    """Yield the values of each of *rows*; or, where one that is encrypted cannot be read, that."""
    decode = make_row_decoder(info, connection.dialect.name, schema.keys)
    tokens = _tokens(schema, info)
    try:
        sides = store.read_extensions(connection, info, list(rows))
    except SealedValueError:
        # One of them cannot be read: which one is found one by one.
        sides = None
    for id_, row in rows.items():
        try:
            side = (store.read_extensions(connection, info, [id_]) if sides is None else sides)[id_]
            record = decode(row)
        except SealedValueError as error:
            mend = _("Somebody wrote past crmkit. Take the row of {table} from a restored backup.")
            yield Finding("history", info.table, str(id_), _("{reason}"), mend, {"reason": str(error)})
        else:
            yield from _mislead(info, row, record, tokens)
            yield record | side | stored_custom(info, record)


def _tokens(schema: Schema, info: EntityInfo) -> dict[str, Callable[[Any], str]]:
    """Return what makes the tokens of each field of *info* with a blind index."""
    fields = (field for field in info.fields.values() if field.blind_index)
    return {field.name: token_of(schema.keys, info, field) for field in fields}


def _mislead(
    info: EntityInfo, row: Any, record: Mapping[str, Any], tokens: Mapping[str, Callable[[Any], str]]
) -> Iterator[Finding]:
    """Yield each blind index by which *record* would be found for a value that it does not have."""
    for name, token in tokens.items():
        value = record[name]
        if getattr(row, filter_column(info.fields[name])) != (None if value is None else token(value)):
            message = _("the blind index of {field} is that of another value")
            mend = _("Somebody wrote past crmkit. Take the row of {table} from a restored backup.")
            yield Finding("history", info.table, str(record["id"]), message, mend, {"field": name})


def _histories(
    connection: Connection, schema: Schema, info: EntityInfo, ids: Iterable[UUID], purged: Mapping[str, int]
) -> dict[UUID, _History]:
    ledger, payload = schema.system.ledger, schema.system.ledger_payload
    rows = connection.execute(
        sa.select(
            sa.type_coerce(ledger.c.record_id, sa.types.NullType()), ledger.c.id, ledger.c.kind, payload.c.changes
        )
        .select_from(ledger.outerjoin(payload, payload.c.ledger_id == ledger.c.id))
        .where(ledger.c.entity == info.id, ledger.c.record_id.in_(list(ids)))
        .order_by(ledger.c.id)
    )
    read = id_decoder(connection.dialect.name)
    found: dict[UUID, _History] = {}
    for record, row, kind, changes in rows:
        id_ = read(record)
        found.setdefault(id_, _History(info.id, id_, schema.keys, purged)).take(row, kind, changes)
    return found


def _compared(
    info: EntityInfo, registry: Registry, stored: Mapping[str, Any], history: _History | None
) -> Iterator[Finding]:
    row = str(stored["id"])
    if history is None:
        mend = _("Somebody wrote past crmkit: if the record is wanted, create it with crmkit; delete {table} {row}.")
        yield Finding("history", info.table, row, _("the ledger does not know it"), mend)
        return
    if differing := [name for name in _names(info, stored) if _differs(info, registry, name, stored, history)]:
        message = _("not what its history says: {fields}")
        mend = _(
            "Somebody wrote past crmkit, or a migration did. See crmkit history {row}; "
            "set {table} {row} to the value that is right by crmkit, which writes it down."
        )
        yield Finding("history", info.table, row, message, mend, {"fields": ", ".join(differing)})
    if stored["version"] != history.written and not history.is_erased:
        message = _("has version {version}, but was written {written} times")
        mend = _("Somebody wrote past crmkit. See crmkit history {row}; set the version to {written}.")
        facts = {"version": stored["version"], "written": history.written}
        yield Finding("history", info.table, row, message, mend, facts)


def _names(info: EntityInfo, stored: Mapping[str, Any]) -> list[str]:
    added = [name for name in stored if "." in name and not name.endswith((".", "_base"))]
    return [*shape_of(info).in_ledger, *added]


def _differs(info: EntityInfo, registry: Registry, name: str, stored: Mapping[str, Any], history: _History) -> bool:
    field = registry.field(info.id, name)
    known = {name if field.slot is None else field.ledger_name, *_former_names(name, field)}
    side = registry.extensions.get(info.id, {}).get(field.owner)
    gone = 0 if side is None else history.purged.get(side.table, 0)
    for told in reversed(history.values):
        value, row = history.values[told]
        if told not in known:
            continue
        is_same = _is_same(_plain(stored[name]), value)
        # What was purged with its column is there again where it came from elsewhere and was taken over once more.
        if is_same or row > gone:
            return not is_same
    if history.is_erased or stored[name] is None:
        return False
    # Where a field came later, older records have its default, of which no history tells.
    return not _is_same(_plain(stored[name]), _plain(field.default()))


def _former_names(name: str, field: FieldInfo) -> tuple[str, ...]:
    """Return what the ledger called *field*; what stands under a slot before a conversion was of another type."""
    return field.former_names(name) if field.slot is None else tuple(old for old in field.former if "." in old)


def _plain(value: Any) -> Any:
    """Return *value* as the ledger would have it."""
    return msgspec.json.decode(encode_changes({"": (None, value)}))[""][1]


def _is_same(one: Any, other: Any) -> bool:
    if one == other or not (isinstance(one, str) and isinstance(other, str)):
        return bool(one == other)
    try:
        # A decimal is stored with all its places, and was perhaps written with fewer.
        return Decimal(one) == Decimal(other)
    except InvalidOperation:
        return False


def _vanished(connection: Connection, schema: Schema, info: EntityInfo, purged: int) -> Iterator[Finding]:
    """Yield what the ledger knows and the database lacks, of what came behind the row *purged*."""
    table, ledger = schema.table(info), schema.system.ledger
    erased = ledger.alias()
    gone = (
        sa.select(ledger.c.record_id)
        .where(ledger.c.entity == info.id, ledger.c.kind == "create", ledger.c.id > purged)
        .where(~sa.exists().where(table.c.id == ledger.c.record_id))
        .where(
            ~sa.exists().where(
                erased.c.record_id == ledger.c.record_id, erased.c.entity == info.id, erased.c.kind == ERASED
            )
        )
    )
    for record in connection.scalars(gone.limit(_MOST)):
        mend = _("Somebody deleted it past crmkit. See crmkit history {row}; take the row from a restored backup.")
        yield Finding("history", info.table, str(record), _("the ledger knows it, but it is not there"), mend)
