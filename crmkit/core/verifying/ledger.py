"""Whether anybody changed the ledger: every digest, every link of the chain, and the head.

A change of any one row is found: of an entry, of its values, or of the head; changed, removed, added or exchanged. Who
rewrites everything from some row on, head included, makes a chain that holds; an anchor that is kept elsewhere tells.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.errors import CrmkitError
from crmkit.core.ledger import ERASED, GENESIS, Entry, seal
from crmkit.core.storage.columns import uuid_from_bytes
from crmkit.core.storage.schema import Schema
from crmkit.core.text import Text, gettext as _

__all__ = ["Anchor", "AnchorError", "LedgerBrokenError", "examine_ledger", "read_head", "verify_ledger"]

_PAGE = 5000
_ID_BYTES = 16


class LedgerBrokenError(CrmkitError):
    """The ledger was changed by something other than crmkit."""

    code = "ledger-broken"
    template = _("The ledger is broken at row {row}: {message}.")

    def __init__(self, row: int, message: Text, **facts: Any) -> None:
        """Name the bad *row*."""
        super().__init__(row=row, message=message, **facts)


class AnchorError(CrmkitError):
    """A text is no anchor."""

    code = "anchor"
    template = _("{text!r} is no anchor; crmkit ledger head prints one.")

    def __init__(self, text: str) -> None:
        """Show the *text*."""
        super().__init__(text=text)


@attrs.frozen
class Anchor:
    """A link of the chain, kept outside the database: later the chain must still go through it."""

    row: int
    chain: bytes

    def __str__(self) -> str:
        return f"{self.row}:{self.chain.hex()}"

    @classmethod
    def parse(cls, text: str) -> Anchor:
        """Return the anchor that ``str()`` wrote.

        Raises:
            AnchorError: it is none.
        """
        row, _colon, chain = text.strip().partition(":")
        try:
            anchor = cls(int(row), bytes.fromhex(chain))
        except ValueError:
            raise AnchorError(text) from None
        if anchor.row < 0 or len(anchor.chain) != len(GENESIS):
            raise AnchorError(text)
        return anchor


def read_head(connection: Connection, schema: Schema) -> Anchor:
    """Return the newest link of the chain.

    Raises:
        LedgerBrokenError: there is no head, or more than one.
    """
    head = schema.system.ledger_head
    found = connection.execute(sa.select(head.c.one, head.c.last_id, head.c.chain).limit(2)).all()
    if [row.one for row in found] != [1]:
        raise LedgerBrokenError(0, _("not one row says where it ends, as it should be"))
    return Anchor(found[0].last_id, bytes(found[0].chain))


def verify_ledger(connection: Connection, schema: Schema, anchor: Anchor | None = None) -> int:
    """Return how many rows the ledger has, after checking all that :func:`examine_ledger` checks.

    Raises:
        LedgerBrokenError: a row was changed, added or removed outside crmkit.
    """
    for broken in examine_ledger(connection, schema, anchor):
        raise broken
    return read_head(connection, schema).row


def examine_ledger(connection: Connection, schema: Schema, anchor: Anchor | None = None) -> Iterator[LedgerBrokenError]:
    """Yield what is wrong with the ledger, row by row; *connection* is a snapshot where others write meanwhile."""
    try:
        head = read_head(connection, schema)
    except LedgerBrokenError as error:
        yield error
        return
    reached, chain, links = 0, GENESIS, {0: GENESIS}
    for row in _rows(connection, schema):
        # Behind a gap nobody knows what the next row was linked to.
        before = chain if row.id == reached + 1 else None
        yield from _missing(reached + 1, min(row.id, head.row + 1))
        if not 0 < row.id <= head.row:
            yield LedgerBrokenError(row.id, _("it was added"))
            continue
        yield from (LedgerBrokenError(row.id, reason) for reason in _examined(row, before))
        reached, chain = row.id, _as_bytes(row.chain)
        if anchor is not None and anchor.row == row.id:
            links[row.id] = chain
    yield from _missing(reached + 1, head.row + 1)
    if reached == head.row and chain != head.chain:
        yield LedgerBrokenError(head.row, _("the row that says where the ledger ends was changed"))
    yield from _orphans(connection, schema)
    if anchor is not None and links.get(anchor.row) != anchor.chain:
        yield LedgerBrokenError(anchor.row, _("the chain does not go through the anchor; it was written anew"))


def _missing(first: int, end: int) -> Iterator[LedgerBrokenError]:
    if end - first == 1:
        yield LedgerBrokenError(first, _("it is missing"))
    elif end > first:
        yield LedgerBrokenError(first, _("{rows:,} rows are missing from here on"), rows=end - first)


def _rows(connection: Connection, schema: Schema) -> Iterator[Any]:
    """Yield every row with its values, in order, a page at a time, each cell as the driver gives it."""
    ledger, payload = schema.system.ledger, schema.system.ledger_payload
    joined = ledger.outerjoin(payload, payload.c.ledger_id == ledger.c.id)
    cells = [_raw(column) for column in (*ledger.c, payload.c.salt, payload.c.changes)]
    columns = sa.select(*cells, _is_lacking(ledger, payload)).select_from(joined).order_by(ledger.c.id).limit(_PAGE)
    page = connection.execute(columns).all()
    while page:
        yield from page
        page = connection.execute(columns.where(ledger.c.id > page[-1].id)).all()


def _raw(column: sa.Column[Any]) -> Any:
    # Not decoded: what cannot be is a finding, no failure.
    return sa.type_coerce(column, sa.types.NullType()).label(column.name)


def _is_lacking(ledger: sa.Table, payload: sa.Table) -> Any:
    """Return whether the values of a row are gone although its record was not erased after it."""
    later = ledger.alias()
    erased = sa.exists().where(
        later.c.record_id == ledger.c.record_id,
        later.c.entity == ledger.c.entity,
        later.c.id > ledger.c.id,
        later.c.kind == ERASED,
    )
    return sa.case((payload.c.ledger_id.is_not(None), 0), (erased, 0), else_=1).label("lacking")


def _examined(row: Any, before: bytes | None) -> Iterator[Text]:
    """Yield what is wrong with *row*, which is linked to the chain *before*."""
    if row.lacking:
        yield _("its values were removed, and its record was not erased")
    elif row.changes is not None and not _has_digest(row):
        yield _("its values were changed")
    if before is not None and _linked(row, before) != _as_bytes(row.chain):
        yield _("it was changed")


def _has_digest(row: Any) -> bool:
    if not isinstance(row.changes, str):
        return False
    return hashlib.sha256(_as_bytes(row.salt) + row.changes.encode()).digest() == _as_bytes(row.digest)


def _linked(row: Any, chain: bytes) -> bytes | None:
    """Return the link that *row* must carry; ``None`` if crmkit cannot have written it."""
    try:
        stamp, principal = _stamp(row.at), None if row.principal_id is None else _uuid(row.principal_id)
        entry = Entry(row.entity, _uuid(row.record_id), row.kind, {}, row.cause, row.depth)
        # Nobody has the id zero, which would look like nobody.
        if principal == UUID(int=0) or "\x1f" in f"{entry.entity}{entry.kind}":
            return None
        sealed = seal(row.id, stamp, principal, entry, row.request_id)
    except (TypeError, ValueError):
        return None
    return hashlib.sha256(chain + _as_bytes(row.digest) + sealed).digest()


def _stamp(at: Any) -> str:
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    stamp: str = moment.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(at, str) and at != stamp:
        raise ValueError(at)
    return stamp


def _uuid(value: Any) -> UUID:
    if isinstance(value, UUID):
        return value
    if len(value) != _ID_BYTES:
        raise ValueError(value)
    return uuid_from_bytes(value)


def _as_bytes(value: Any) -> bytes:
    # SQLite lets a text stand where bytes belong.
    return b"" if isinstance(value, str) else bytes(value)


def _orphans(connection: Connection, schema: Schema) -> Iterator[LedgerBrokenError]:
    ledger, payload = schema.system.ledger, schema.system.ledger_payload
    known = sa.exists().where(ledger.c.id == payload.c.ledger_id)
    for number in connection.scalars(sa.select(payload.c.ledger_id).where(~known).order_by(payload.c.ledger_id)):
        yield LedgerBrokenError(number, _("values were added for a row that is not there"))
