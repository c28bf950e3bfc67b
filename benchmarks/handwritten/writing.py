"""Deals created, changed and moved, one at a time: a transaction of a handful of plain statements."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from uuid_utils.compat import uuid7

from benchmarks.handwritten.ledger import Ledger
from benchmarks.handwritten.reading import Hand
from benchmarks.handwritten.rights import NotAllowedError, Rights, RightsOf
from benchmarks.handwritten.searching import Documents
from benchmarks.world.people import Member
from benchmarks.world.records import SOURCES

__all__ = ["Desk", "Offer", "RefusedError", "amount_of"]


@attrs.frozen
class Offer:
    """What a salesperson types for a new deal; the amount is in cents of the company's currency."""

    name: str
    company: UUID
    cents: int
    close: date
    source: str


class RefusedError(Exception):
    """A value, or a move, is not accepted."""


_READ = "id, version, owner_id, team_id, stage, stage_kind, stage_entered_at, amount_base, expected_close_on"
# Whoever writes this for one company knows its pipeline.
_MOVES = {
    "prospecting": {"engaging", "lost"},
    "engaging": {"prospecting", "proposal", "lost"},
    "proposal": {"engaging", "won", "lost"},
    "won": {"lost"},
}
_NEED_AMOUNT = {"proposal", "won"}
_GUARDED = {("engaging", "proposal"), ("proposal", "engaging")}
_KINDS = {"won": "won", "lost": "lost"}
_NUMBER = sa.text("UPDATE core_sequence SET value = value + 1 WHERE name = 'seq_trade_deal' RETURNING value")
_ENTER = sa.text(
    "INSERT INTO core_stage_visit (entity, record_id, pipeline, pipeline_version, stage, entered_at, entered_by)"
    " VALUES ('trade.deal', :id, 'trade.default', 1, :stage, :now, :me)"
)
_LEAVE = sa.text("UPDATE core_stage_visit SET left_at = :now, left_by = :me WHERE record_id = :id AND left_at IS NULL")
_UPDATE = sa.text(
    "UPDATE trade_deal SET expected_close_on = :close, version = version + 1, updated_at = :now"
    " WHERE id = :id AND version = :version"
)
_SHARED = sa.text(
    "SELECT 1 FROM core_share WHERE record_entity = 'trade.deal' AND record_id = :id AND user_id = :me"
    " AND level = 'write' AND deleted_at IS NULL"
)
_MOVE = sa.text(
    "UPDATE trade_deal SET stage = :stage, stage_kind = :kind, stage_entered_at = :now,"
    " version = version + 1, updated_at = :now WHERE id = :id AND version = :version"
)


class Desk:
    """What one person does with deals."""

    def __init__(self, hand: Hand, member: Member) -> None:
        """Write the statements."""
        self._hand, self._storage, self._cause = hand, hand.world.crm.storage, member.name
        self._rights, self._ledger = RightsOf(hand, member), Ledger(hand, member.id)
        self._documents = Documents(hand)
        self._insert = sa.text(_insert_of(hand))
        # Nobody is to delete the company meanwhile, nor to change the deal.
        held, kept = hand.lock("KEY SHARE"), hand.lock("NO KEY UPDATE")
        self._company = sa.text(f"SELECT 1 FROM trade_company WHERE id = :company AND deleted_at IS NULL{held}")
        self._stored = sa.text(f"SELECT {_READ} FROM trade_deal WHERE id = :id AND deleted_at IS NULL{kept}")

    def create(self, offer: Offer) -> UUID:
        """Create a deal in the first stage and return its id.

        Raises:
            RefusedError: a value is not accepted.
            NotAllowedError: no right allows it.
        """
        name, hand = _checked(offer), self._hand
        id_, now = uuid7(), datetime.now(UTC)
        with self._storage.writing() as connection:
            rights = self._rights.now(connection)
            if not rights.allow("create", rights.me, rights.home):
                raise NotAllowedError("create")
            company = hand.id(offer.company)
            if connection.execute(self._company, {"company": company}).scalar() is None:
                raise RefusedError("company")
            who = {"id": hand.id(id_), "now": hand.moment(now), "me": rights.me}
            what = {"name": name, "company": company, "cents": offer.cents, "close": hand.day(offer.close)}
            given = {**who, **what, "team": rights.home, "source": offer.source}
            number = self._insert_numbered(connection, given)
            connection.execute(_ENTER, {**who, "stage": "prospecting"})
            self._documents.insert(connection, [(who["id"], name)])
            owner = {"owner_id": hand.uuid(rights.me), "team_id": hand.uuid(rights.home)}
            new = {**owner, **_first_stage(now), "number": number, **_told(offer, name)}
            change = {field: (None, value) for field, value in new.items()}
            self._ledger.append(connection, [("create", id_, change)], now, self._cause)
        return id_

    def _insert_numbered(self, connection: Connection, values: dict[str, Any]) -> str:
        """Insert the deal and return its number, which PostgreSQL draws in the same statement."""
        if not self._hand.is_sqlite:
            return str(connection.execute(self._insert, values).scalar())
        number = f"D-{connection.execute(_NUMBER).scalar():06}"
        connection.execute(self._insert, {**values, "number": number})
        return number

    def update(self, id_: UUID, version: int, close: date) -> int:
        """Give the deal another expected close and return its new version.

        Raises:
            RefusedError: somebody else changed it meanwhile.
            NotAllowedError: it does not exist for the person, or no right allows it.
        """
        now = datetime.now(UTC)
        with self._storage.writing() as connection:
            _rights, row = self._found(connection, "update", id_, version)
            before = self._hand.read_day(row.expected_close_on)
            if before == close:
                return version
            values = {"close": self._hand.day(close), **self._versioned(id_, version, now)}
            self._changed(connection.execute(_UPDATE, values).rowcount)
            change = {"expected_close_on": (before, close)}
            self._ledger.append(connection, [("update", id_, change)], now, self._cause)
        return version + 1

    def move(self, id_: UUID, version: int, stage: str) -> int:
        """Move the deal to *stage* and return its new version.

        Raises:
            RefusedError: the pipeline does not allow it, or somebody else changed the deal meanwhile.
            NotAllowedError: it does not exist for the person, or no right allows it.
        """
        now = datetime.now(UTC)
        with self._storage.writing() as connection:
            rights, row = self._found(connection, "move", id_, version)
            _check_move(row, stage)
            kind, who = _KINDS.get(stage, "open"), self._versioned(id_, version, now)
            self._changed(connection.execute(_MOVE, {"stage": stage, "kind": kind, **who}).rowcount)
            visit = {"id": who["id"], "now": who["now"], "me": rights.me}
            connection.execute(_LEAVE, visit)
            connection.execute(_ENTER, {**visit, "stage": stage})
            change = {
                "stage": (row.stage, stage),
                "stage_entered_at": (self._hand.read_moment(row.stage_entered_at), now),
            }
            if kind != row.stage_kind:
                change["stage_kind"] = (row.stage_kind, kind)
            self._ledger.append(connection, [("move", id_, change)], now, self._cause)
        return version + 1

    def _found(self, connection: Connection, verb: str, id_: UUID, version: int) -> tuple[Rights, Any]:
        """Return the rights of the person, and the stored row, on which they allow *verb*."""
        rights = self._rights.now(connection)
        row = connection.execute(self._stored, {"id": self._hand.id(id_)}).one_or_none()
        if row is None:
            raise NotAllowedError(id_)
        if not rights.allow(verb, row.owner_id, row.team_id) and not self._is_shared(connection, verb, rights, row.id):
            raise NotAllowedError(verb)
        if row.version != version:
            raise RefusedError("version")
        return rights, row

    def _is_shared(self, connection: Connection, verb: str, rights: Rights, id_: Any) -> bool:
        if verb != "update":
            return False
        return connection.execute(_SHARED, {"id": id_, "me": rights.me}).scalar() is not None

    def _versioned(self, id_: UUID, version: int, now: datetime) -> dict[str, Any]:
        return {"id": self._hand.id(id_), "version": version, "now": self._hand.moment(now)}

    def _changed(self, rows: int) -> None:
        if rows != 1:
            raise RefusedError("version")


def _insert_of(hand: Hand) -> str:
    """Return the INSERT of a deal in the first stage."""
    drawn = "(SELECT CAST(nextval('seq_trade_deal') AS text) AS n) AS drawn"
    number = ":number" if hand.is_sqlite else f"(SELECT 'D-' || lpad(n, greatest(6, length(n)), '0') FROM {drawn})"
    columns = {
        "id": ":id",
        "version": "1",
        "created_at": ":now",
        "updated_at": ":now",
        "created_by": ":me",
        "custom": "'{}'",
        "owner_id": ":me",
        "team_id": ":team",
        "pipeline": "'trade.default'",
        "pipeline_version": "1",
        "stage": "'prospecting'",
        "stage_kind": "'open'",
        "stage_entered_at": ":now",
        "number": number,
        "name": ":name",
        "company_id": ":company",
        "amount_minor": ":cents",
        "amount_currency": "'EUR'",
        "amount_base": ":cents",
        "expected_close_on": ":close",
        "source": ":source",
    }
    statement = f"INSERT INTO trade_deal ({', '.join(columns)}) VALUES ({', '.join(columns.values())})"
    return statement if hand.is_sqlite else f"{statement} RETURNING number"


def _checked(offer: Offer) -> str:
    """Return the name without space around it.

    Raises:
        RefusedError: a value is not accepted.
    """
    name = offer.name.strip()
    if not 0 < len(name) <= 200 or any(mark in name for mark in "\n\r\0"):
        raise RefusedError("name")
    if offer.source not in SOURCES or abs(offer.cents) >= 2**63:
        raise RefusedError("source or amount")
    return name


def _told(offer: Offer, name: str) -> dict[str, Any]:
    """Return what the ledger keeps of *offer*."""
    return {
        "name": name,
        "company_id": offer.company,
        "amount": amount_of(offer.cents, "EUR"),
        "expected_close_on": offer.close,
        "source": offer.source,
    }


def _first_stage(now: datetime) -> dict[str, Any]:
    """Return what the ledger keeps of the stage in which a deal begins."""
    return {
        "pipeline": "trade.default",
        "pipeline_version": 1,
        "stage": "prospecting",
        "stage_kind": "open",
        "stage_entered_at": now,
    }


def amount_of(cents: int, currency: str) -> dict[str, str]:
    """Return money as the ledger keeps it, in a currency that has cents."""
    return {"amount": str(Decimal(cents).scaleb(-2)), "currency": currency}


def _check_move(row: Any, stage: str) -> None:
    """Return if a deal may go from where it stands to *stage*.

    Raises:
        RefusedError: the pipeline has no such move, a guard refuses, or the amount is missing.
    """
    if stage not in _MOVES.get(row.stage, ()):
        raise RefusedError(stage)
    if stage in _NEED_AMOUNT and row.amount_base is None:
        raise RefusedError("amount")
    if (row.stage, stage) in _GUARDED and not (row.amount_base is not None and row.amount_base >= 100_00):
        raise RefusedError("guard")
