"""The ledger by hand: the same rows, salts, digests and chain that crmkit writes, so that crmkit can verify them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from benchmarks.handwritten.bulk import Rows
from benchmarks.handwritten.reading import Hand

__all__ = ["Change", "Ledger"]

# What happened to which deal, and its fields, each old and new.
Change = tuple[str, UUID, Mapping[str, tuple[Any, Any]]]

_SALT = 16
_LEDGER = ("id", "at", "principal_id", "entity", "record_id", "kind", "cause", "depth", "digest", "chain")
_encode = msgspec.json.Encoder().encode


class Ledger:
    """Appends what one person does with deals."""

    def __init__(self, hand: Hand, member: UUID) -> None:
        """Write the statements."""
        self._hand, self._me, self._member = hand, hand.id(member), f"{member.int:x}"
        self._head = sa.text(f"SELECT last_id, chain FROM core_ledger_head{hand.lock('UPDATE')}")
        self._advance = sa.text("UPDATE core_ledger_head SET last_id = :last, chain = :chain")
        self._rows = Rows(hand, "core_ledger", _LEDGER)
        self._payloads = Rows(hand, "core_ledger_payload", ("ledger_id", "salt", "changes"))
        self._outbox = sa.text("INSERT INTO core_outbox (first_id, last_id, at) VALUES (:first, :last, :at)")

    def append(self, connection: Connection, changes: Sequence[Change], at: datetime, cause: str) -> None:
        """Write *changes* and the outbox row of their transaction."""
        last, chain = connection.execute(self._head).one()
        first, id_of, me = last + 1, self._hand.id, self._me
        moment, stamp = self._hand.moment(at), at.isoformat(timespec="microseconds")
        salts = os.urandom(_SALT * len(changes))
        rows, payloads = [], []
        for place, (kind, record, values) in enumerate(changes):
            last += 1
            salt, body = salts[place * _SALT : (place + 1) * _SALT], _encode(values)
            digest = sha256(salt + body).digest()
            what = f"trade.deal\x1f{record.int:x}\x1f{kind}\x1f{cause}\x1f0"
            seal = f"{last}\x1f{stamp}\x1f{self._member}\x1f{what}".encode()
            chain = sha256(chain + digest + seal).digest()
            rows.append((last, moment, me, "trade.deal", id_of(record), kind, cause, 0, digest, chain))
            payloads.append((last, salt, body.decode()))
        self._rows.insert(connection, rows)
        self._payloads.insert(connection, payloads)
        connection.execute(self._advance, {"last": last, "chain": chain})
        connection.execute(self._outbox, {"first": first, "last": last, "at": moment})
