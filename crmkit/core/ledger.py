"""The ledger: one row for each record written, chained, beside it the values; audit trail, history and timeline."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql import ColumnElement

from crmkit.core.encryption.changes import decode_changes, seal_value
from crmkit.core.encryption.keyring import Keyring
from crmkit.core.entity import FieldInfo
from crmkit.core.fields import Column, Target
from crmkit.core.money import Money
from crmkit.core.policy.credentials import stand_in
from crmkit.core.storage.codecs import slot_decoder, slot_encoder
from crmkit.core.storage.prepared import Insert, Prepared
from crmkit.core.storage.schema import Schema

if TYPE_CHECKING:
    from crmkit.core.policy.visibility import Visibility

__all__ = [
    "ERASED",
    "GENESIS",
    "INVITED",
    "NO_WRITES",
    "PASSWORD_RESET",
    "PASSWORD_SET",
    "PURGED",
    "Entry",
    "Ledger",
    "LedgerEntry",
    "ledger_names",
    "ledger_row",
    "purge_entries",
    "purged_rows",
    "read_history",
    "seal",
    "told_of_history",
]

GENESIS = b"\x00" * 32
#: The kind of the entry that allows the payload of earlier entries of its record to be gone.
ERASED = "erased"
#: The kind of the entry that tells that a table was dropped with every row, for good; it has the table for an entity.
PURGED = "purged"
#: The kinds of entries that tell of what a user signs in with, and never what that is.
INVITED, PASSWORD_RESET, PASSWORD_SET = "invite", "password_reset", "password_set"
#: The kinds of entries that tell of a record without a write of it.
NO_WRITES = frozenset({ERASED, "merge", "unmerge", INVITED, PASSWORD_RESET, PASSWORD_SET})
_SALT = 16
_ID, _MOMENT = Column("", "uuid"), Column("", "datetime")


@attrs.frozen
class Entry:
    """One record written, before it is in the ledger: *changes* maps fields to (old, new)."""

    entity: str
    record_id: UUID
    kind: str
    changes: Mapping[str, tuple[Any, Any]]
    cause: str
    depth: int


@attrs.frozen
class LedgerEntry:
    """One row of a record's history. *changes* holds the fields that the reader may read, ``None`` after an erasure.

    Of a credential stands an ellipsis for each value.

    *cause* is empty where the reader does not see who wrote, and ``system`` for what the system wrote.
    """

    id: int
    at: datetime
    principal_id: UUID | None
    kind: str
    cause: str
    depth: int
    changes: Mapping[str, tuple[Any, Any]] | None


def purge_entries(tables: Iterable[str], cause: str) -> list[Entry]:
    """Return the entries that tell that *tables* were dropped; they are about no single record."""
    return [Entry(table, UUID(int=0), PURGED, {}, cause, 0) for table in sorted(tables)]


def purged_rows(connection: Connection, schema: Schema) -> dict[str, int]:
    """Return by table up to which row the ledger tells of what was dropped with it."""
    c = schema.system.ledger.c
    told = sa.select(c.entity, sa.func.max(c.id).label("newest")).where(c.record_id == UUID(int=0), c.kind == PURGED)
    return {row.entity: row.newest for row in connection.execute(told.group_by(c.entity))}


_encoder = msgspec.json.Encoder(decimal_format="string", uuid_format="canonical")


def encode_changes(changes: Mapping[str, tuple[Any, Any]]) -> bytes:
    """Return *changes* as JSON: decimals and amounts of money as strings, so that nothing is rounded."""
    return _encoder.encode({name: (_plain(old), _plain(new)) for name, (old, new) in changes.items()})


def _plain(value: Any) -> Any:
    """Return money as its amount and currency: msgspec would write minor units, which nobody reads."""
    return {"amount": str(value.amount), "currency": value.currency} if type(value) is Money else value


class Ledger:
    """Appends to the ledger of one CRM. The head row is held from the first append until commit: ids are gapless."""

    def __init__(self, schema: Schema, dialect: sa.Dialect, encrypted: Mapping[str, frozenset[str]]) -> None:
        """Prepare the statements; *encrypted* are the names of fields by entity of which no value is told in clear."""
        system, self._dialect = schema.system, dialect.name
        self._keys, self._encrypted = schema.keys, encrypted
        head = system.ledger_head
        taken = sa.select(head.c.last_id, head.c.chain).with_for_update()
        self._head = Prepared(taken, dialect)
        self._advance = Prepared(
            sa.update(head).values(
                last_id=sa.bindparam("to_id", required=True), chain=sa.bindparam("to_chain", required=True)
            ),
            dialect,
        )
        self._rows = Insert(system.ledger, dialect)
        self._payloads = Insert(system.ledger_payload, dialect)
        self._outbox = Insert(system.outbox, dialect)

    def append(
        self,
        connection: Connection,
        entries: Sequence[Entry],
        at: datetime,
        principal: UUID | None,
        request: str | None,
    ) -> tuple[int, int]:
        """Write *entries* and return the ids of the first and the last."""
        (last, chain), *_rest = self._head.rows(connection)
        chain = bytes(chain)
        salts = os.urandom(_SALT * len(entries))
        id_of = slot_encoder(_ID, self._dialect) or _same
        moment = (slot_encoder(_MOMENT, self._dialect) or _same)(at)
        who = id_of(principal) if principal else None
        sha256, encode = hashlib.sha256, encode_changes
        rows: list[tuple[Any, ...]] = []
        payloads: list[tuple[Any, ...]] = []
        stamp = at.isoformat(timespec="microseconds")
        for place, entry in enumerate(entries):
            number = last + 1 + place
            salt = salts[place * _SALT : (place + 1) * _SALT]
            body = encode(self._sealed(entry) if entry.entity in self._encrypted else entry.changes)
            digest = sha256(salt + body).digest()
            chain = sha256(chain + digest + seal(number, stamp, principal, entry, request)).digest()
            who_and_what = (moment, who, entry.entity, id_of(entry.record_id), entry.kind, entry.cause, entry.depth)
            rows.append((number, *who_and_what, request, digest, chain))
            payloads.append((number, salt, body.decode()))
        self._rows.run_rows(connection, rows)
        self._payloads.run_rows(connection, payloads)
        newest = last + len(entries)
        self._advance.run(connection, {"to_id": newest, "to_chain": chain})
        return last + 1, newest

    def _sealed(self, entry: Entry) -> Mapping[str, tuple[Any, Any]]:
        """Return the changes of *entry* with the values of encrypted fields sealed."""
        keys, entity, record = self._keys, entry.entity, entry.record_id
        changes = dict(entry.changes)
        for name in self._encrypted[entity] & changes.keys():
            old, new = (msgspec.to_builtins(_plain(value)) for value in changes[name])
            sealed = (seal_value(keys, entity, name, record, value) for value in (old, new))
            changes[name] = (next(sealed), next(sealed))
        return changes

    def announce(self, connection: Connection, first: int, last: int, at: datetime, traces: Sequence[str] = ()) -> None:
        """Write the outbox row of a transaction that wrote the ledger rows *first* to *last*, known by *traces*."""
        row = {"first_id": first, "last_id": last, "at": at, "traces": list(traces) or None}
        self._outbox.insert(connection, [row])


def _same(value: Any) -> Any:
    return value


def seal(number: int, stamp: str, principal: UUID | None, entry: Entry, request: str | None) -> bytes:
    """Return what the chain holds of a row beside the digest of its values: every other column."""
    who = principal.int if principal else 0
    what = f"{entry.entity}\x1f{entry.record_id.int:x}\x1f{entry.kind}\x1f{entry.cause}\x1f{entry.depth}"
    # In front, with its length: no other row looks alike, whatever stands in the request id.
    asked = "" if request is None else f"\x1e{len(request)}\x1f{request}\x1f"
    return f"{asked}{number}\x1f{stamp}\x1f{who:x}\x1f{what}".encode()


def ledger_names(fields: Mapping[str, FieldInfo], readable: frozenset[str]) -> dict[str, str]:
    """Return what is *readable* of an entity with these *fields* by the names under which the ledger has it.

    *fields* are all fields of the entity, those of extensions and those made at run time included.
    """
    names = {old: name for name, field in fields.items() if name in readable for old in field.former_names(name)}
    names |= {name: name for name in readable if name not in fields or fields[name].slot is None}
    return names | {fields[name].ledger_name: name for name in readable if name in fields and fields[name].slot}


def read_history(
    connection: Connection,
    schema: Schema,
    record: Target,
    names: Mapping[str, str],
    visibility: Visibility,
    *,
    withheld: frozenset[str],
    limit: int | None = None,
    after: int = 0,
) -> list[LedgerEntry]:
    """Return the history of *record*, oldest first, with the changes of the fields in *names*, by their ledger names.

    Of those that are *withheld* is told that they changed. *visibility* is that of the reader, and decides which
    causes are told. Of the entries behind the one with the id *after*, there are up to *limit*.
    """
    ledger, joined, columns = told_of_history(schema, visibility)
    found = connection.execute(
        sa.select(*columns)
        .select_from(joined)
        # Callers choose ids, so that records of two entities may have the same one.
        .where(ledger.c.entity == record.entity, ledger.c.record_id == record.id, ledger.c.id > after)
        .order_by(ledger.c.id)
        .limit(limit)
    )
    readable = _readable(schema.keys, record.entity, names, withheld)
    return [LedgerEntry(**{**row, "changes": readable(row["changes"], record.id)}) for row in found.mappings()]


def told_of_history(
    schema: Schema, visibility: Visibility
) -> tuple[sa.Table, sa.FromClause, Sequence[ColumnElement[Any]]]:
    """Return the ledger, what it is joined with, and the columns of a :class:`LedgerEntry` that may be told."""
    ledger, payload = schema.system.ledger, schema.system.ledger_payload
    cause = _told_cause(ledger, visibility).label("cause")
    columns = (ledger.c.id, ledger.c.at, ledger.c.principal_id, ledger.c.kind, cause, ledger.c.depth)
    return ledger, ledger.outerjoin(payload, payload.c.ledger_id == ledger.c.id), (*columns, payload.c.changes)


def ledger_row(
    dialect: str, keys: Keyring, entity: str, names: Mapping[str, str], withheld: frozenset[str]
) -> Callable[[Sequence[Any]], LedgerEntry]:
    """Return what makes an entry, with the changes of the fields in *names*, of the driver's row of these columns.

    Of those that are *withheld* is told that they changed. Behind the columns stands the id of the record, which is one
    of *entity*.
    """
    readable = _readable(keys, entity, names, withheld)
    id_of, moment = slot_decoder(_ID, dialect) or _same, slot_decoder(_MOMENT, dialect) or _same

    def decode(row: Sequence[Any]) -> LedgerEntry:
        number, at, principal, kind, cause, depth, changes, record = row
        who = None if principal is None else id_of(principal)
        told = readable(changes, id_of(record))
        return LedgerEntry(number, moment(at).astimezone(UTC), who, kind, cause, depth, told)

    return decode


def _told_cause(ledger: sa.Table, visibility: Visibility) -> ColumnElement[Any]:
    """Return the cause as far as the reader may know it: it often is the name of whoever wrote, or says why.

    It is told of one's own writes and of those of users whose name one reads, in the bin too. The system's reason is
    told to the system alone.
    """
    access, author = visibility.access, ledger.c.principal_id
    if access.is_system:
        return ledger.c.cause
    known = author == visibility.me()
    if "name" in access.entity(visibility.registry.entities["core.user"]).readable:
        seen = (visibility.visible_ids("core.user", deleted=deleted) for deleted in (False, True))
        known = sa.or_(known, *(author.in_(users) for users in seen))
    return sa.case((author.is_(None), "system"), (known, ledger.c.cause), else_="")


def _readable(
    keys: Keyring, entity: str, names: Mapping[str, str], withheld: frozenset[str]
) -> Callable[[str | None, UUID], Mapping[str, tuple[Any, Any]] | None]:
    """Return what decodes the changes of a record of *entity*: those of the fields in *names*, but what is *withheld*.

    A credential is told with its own record alone, and what it was before with none.
    """

    def readable(changes: str | None, record: UUID) -> Mapping[str, tuple[Any, Any]] | None:
        if changes is None:
            return None
        decoded = decode_changes(keys, entity, record, changes, names)
        told = {names[name]: (old, new) for name, (old, new) in decoded.items() if name in names}
        for name in withheld & told.keys():
            old, new = told[name]
            told[name] = stand_in(old), stand_in(new)
        return told

    return readable
