"""An import of deals: one script for one kind of file, as somebody would write it who knows both ends."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from uuid_utils.compat import uuid7

from benchmarks.handwritten.bulk import Rows
from benchmarks.handwritten.cells import KINDS, BadCellError, Deal, read
from benchmarks.handwritten.ledger import Change, Ledger
from benchmarks.handwritten.reading import Hand
from benchmarks.handwritten.rights import RightsOf
from benchmarks.handwritten.searching import Documents
from benchmarks.handwritten.writing import amount_of
from benchmarks.world.exports import COLUMNS, SYSTEM
from benchmarks.world.people import Member

__all__ = ["Importer", "Result"]

# As many as crmkit puts into a transaction at most: others wait meanwhile.
_BATCH = 1000
_DEAL = (
    *("id", "version", "created_at", "updated_at", "created_by", "custom", "owner_id", "team_id"),
    *("pipeline", "pipeline_version", "stage", "stage_kind", "stage_entered_at", "number", "name", "company_id"),
    *("amount_minor", "amount_currency", "amount_base", "expected_close_on", "source", "description"),
)
_NAME = _DEAL.index("name")
_VISIT = ("entity", "record_id", "pipeline", "pipeline_version", "stage", "entered_at", "entered_by")
_RATE_DIGITS = -9
_RATES = sa.text(
    "SELECT currency, rate FROM core_exchange_rate WHERE deleted_at IS NULL AND valid_from <= :today"
    " ORDER BY valid_from"
)
_NUMBERS = sa.text("UPDATE core_sequence SET value = value + :many WHERE name = 'seq_trade_deal' RETURNING value")
_DRAWN = sa.text("SELECT nextval('seq_trade_deal') FROM generate_series(1, :many)")


Row = tuple[Any, ...]
# A deal, its company, owner and team as the driver takes them, and its amount in the company's currency.
_Placed = tuple[Deal, Any, Any, Any, int | None]
# The line, why, and the cells.
_Refused = tuple[int, str, Sequence[str]]


@attrs.define
class Result:
    """How many deals were created, and on which lines rows were refused."""

    created: int = 0
    refused: dict[int, str] = attrs.field(factory=dict)


class Importer:
    """Imports as *member*; only *with_history* does it take from the file when a deal entered its stage."""

    def __init__(self, hand: Hand, member: Member, *, with_history: bool) -> None:
        """Write the statements."""
        self._hand, self._me, self._with_history = hand, hand.id(member.id), with_history
        self._rights, self._ledger = RightsOf(hand, member), Ledger(hand, member.id)
        self._documents = Documents(hand)
        self._deals, self._visits = Rows(hand, "trade_deal", _DEAL), Rows(hand, "core_stage_visit", _VISIT)
        self._names = Rows(hand, "core_external_id", ("system", "entity", "value", "record_id"))
        self._known = hand.among(
            "SELECT value FROM core_external_id WHERE system = :system AND entity = 'trade.deal' AND value"
        )
        self._companies = hand.among(
            "SELECT e.value, c.id FROM core_external_id e JOIN trade_company c ON c.id = e.record_id"
            " WHERE e.system = :system AND e.entity = 'trade.company' AND c.deleted_at IS NULL AND e.value",
            hand.lock("KEY SHARE OF c"),
        )
        self._owners = hand.among(
            "SELECT name, id, team_id FROM core_user WHERE deleted_at IS NULL AND name", hand.lock("KEY SHARE")
        )

    def run(self, folder: Path) -> Result:
        """Import ``deals.csv`` in *folder*, a thousand rows to a transaction; refused rows go to a file beside it."""
        result, batch = Result(), list[Deal]()
        refused = list[_Refused]()
        with (folder / "deals.csv").open(encoding="utf-8-sig", newline="") as file:
            for line, cells in self._rows(csv.reader(file, strict=True), refused):
                try:
                    batch.append(read(line, cells, with_history=self._with_history))
                except BadCellError as bad:
                    refused.append((line, str(bad), cells))
                if len(batch) == _BATCH:
                    result.created += self._write(batch, refused)
                    batch = []
        if batch:
            result.created += self._write(batch, refused)
        result.refused = {line: reason for line, reason, _cells in sorted(refused)}
        if refused:
            _write_refused(folder / "deals.errors.csv", refused)
        return result

    def _rows(self, reader: Any, refused: list[_Refused]) -> Iterator[tuple[int, list[str]]]:
        """Yield each row with the line on which it begins; an id that comes again with other cells is refused."""
        header, seen = next(reader), dict[str, int]()
        places = [header.index(name) for name in COLUMNS]
        line = reader.line_num + 1
        for row in reader:
            if len(row) != len(header):
                refused.append((line, "cells are missing", row))
            else:
                cells = [row[place].strip() for place in places]
                key, told = cells[0], hash(tuple(cells))
                if key not in seen:
                    seen[key] = told
                    yield line, cells
                elif seen[key] != told:
                    refused.append((line, "the id stands in another row", cells))
            line = reader.line_num + 1

    def _write(self, batch: Sequence[Deal], refused: list[_Refused]) -> int:
        """Write those of *batch* that lead somewhere and may be written; return how many they are."""
        now = datetime.now(UTC)
        with self._hand.world.crm.storage.writing() as connection:
            known = {key for (key,) in self._known(connection, [d.key for d in batch], system=SYSTEM)}
            wanted = self._placed(connection, [deal for deal in batch if deal.key not in known], refused, now)
            if wanted:
                self._insert(connection, wanted, now)
        return len(wanted)

    def _placed(
        self, connection: Connection, batch: Sequence[Deal], refused: list[_Refused], now: datetime
    ) -> list[_Placed]:
        """Return what *batch* refers to beside each deal; who or what is not there is refused."""
        rights, rates = self._rights.now(connection), self._rates(connection, now)
        companies = dict(self._companies(connection, list({d.company for d in batch if d.company}), system=SYSTEM))
        owners = self._owners_of(connection, list({d.owner for d in batch if d.owner}))
        placed: list[_Placed] = []
        for deal in batch:
            company = companies.get(deal.company)
            owner, team = owners.get(deal.owner, (None, None))
            if deal.company and company is None:
                refused.append((deal.line, "company", deal.cells))
            elif owner is None:
                refused.append((deal.line, "owner", deal.cells))
            elif deal.currency not in rates:
                refused.append((deal.line, "currency", deal.cells))
            elif not rights.allow("create", owner, team):
                refused.append((deal.line, "not allowed", deal.cells))
            else:
                base = None if deal.cents is None else _in_euros(deal.cents, rates[deal.currency])
                placed.append((deal, company, owner, team, base))
        return placed

    def _owners_of(self, connection: Connection, names: Sequence[str]) -> dict[str, tuple[Any, Any]]:
        """Return id and team by name, but not of people who share their name."""
        found = dict[str, list[tuple[Any, Any]]]()
        for name, id_, team in self._owners(connection, names):
            found.setdefault(name, []).append((id_, team))
        return {name: people[0] for name, people in found.items() if len(people) == 1}

    def _rates(self, connection: Connection, now: datetime) -> dict[str, Decimal | None]:
        rows = connection.execute(_RATES, {"today": self._hand.day(now.date())})
        return {"EUR": None} | {currency: Decimal(rate).scaleb(_RATE_DIGITS) for currency, rate in rows}

    def _insert(self, connection: Connection, placed: Sequence[_Placed], now: datetime) -> None:
        hand, me, moment = self._hand, self._me, self._hand.moment(now)
        deals, visits, names, changes = list[Row](), list[Row](), list[Row](), list[Change]()
        for (deal, company, owner, team, base), number in zip(
            placed, self._numbers(connection, len(placed)), strict=True
        ):
            record = uuid7()
            id_, entered = hand.id(record), moment if deal.entered is None else hand.moment(deal.entered)
            stage = ("trade.default", 1, deal.stage, KINDS[deal.stage], entered)
            money = (deal.cents, None if deal.cents is None else deal.currency, base)
            close = None if deal.close is None else hand.day(deal.close)
            head = (id_, 1, moment, moment, me, "{}", owner, team)
            deals.append((*head, *stage, number, deal.name, company, *money, close, deal.source, deal.notes))
            visits.append(("trade.deal", id_, *stage[:3], entered, me))
            names.append((SYSTEM, "trade.deal", deal.key, id_))
            changes.append(("create", record, self._change(deal, company, owner, team, number, deal.entered or now)))
        self._deals.insert(connection, deals)
        self._visits.insert(connection, visits)
        self._names.insert(connection, names)
        self._documents.insert(connection, [(row[0], row[_NAME]) for row in deals])
        self._ledger.append(connection, changes, now, "import")

    def _change(
        self, deal: Deal, company: Any, owner: Any, team: Any, number: str, entered: datetime
    ) -> Mapping[str, tuple[None, Any]]:
        uuid = self._hand.uuid
        told = {
            "owner_id": (None, uuid(owner)),
            "pipeline": (None, "trade.default"),
            "pipeline_version": (None, 1),
            "stage": (None, deal.stage),
            "stage_kind": (None, KINDS[deal.stage]),
            "stage_entered_at": (None, entered),
            "number": (None, number),
            "name": (None, deal.name),
        }
        if team is not None:
            told["team_id"] = (None, uuid(team))
        if company is not None:
            told["company_id"] = (None, uuid(company))
        if deal.cents is not None:
            told["amount"] = (None, amount_of(deal.cents, deal.currency))
        if deal.close is not None:
            told["expected_close_on"] = (None, deal.close)
        if deal.source is not None:
            told["source"] = (None, deal.source)
        if deal.notes is not None:
            told["description"] = (None, deal.notes)
        return told

    def _numbers(self, connection: Connection, many: int) -> list[str]:
        if not self._hand.is_sqlite:
            return [f"D-{number:06}" for number in connection.execute(_DRAWN, {"many": many}).scalars()]
        last: int = connection.execute(_NUMBERS, {"many": many}).scalar_one()
        return [f"D-{number:06}" for number in range(last - many + 1, last + 1)]


def _in_euros(cents: int, rate: Decimal | None) -> int:
    return cents if rate is None else int((cents * rate).to_integral_value(rounding=ROUND_HALF_EVEN))


def _write_refused(path: Path, refused: Sequence[_Refused]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("line", "reason", *COLUMNS))
        writer.writerows((line, reason, *cells) for line, reason, cells in sorted(refused))
