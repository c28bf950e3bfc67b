"""Filling a fresh database: people through crmkit, records in bulk past it.

What is loaded in bulk obeys every invariant but one: it has no rows in the ledger. That import through crmkit writes
them is what one of the figures measures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateIndex

from benchmarks.world.people import People
from benchmarks.world.records import Deals, Firm, Sale, Shares, companies
from crmkit import CRM, Assignment, Team, User
from crmkit.core.migrating.applied import note_all_applied
from crmkit.core.policy.people import ExchangeRate
from crmkit.core.searching.rebuilding import make_next
from crmkit.core.storage.codecs import type_encoder
from crmkit.core.storage.database_objects import create_objects
from crmkit.core.storage.numbers import sequence_name

__all__ = ["OWNED", "RECORD", "Inserter", "load"]

_BULK = ("trade_company", "trade_deal", "loyalty_trade_deal", "core_stage_visit", "core_share")
_BATCH = 20_000
Row = tuple[Any, ...]


def load(crm: CRM, people: People, number: int, say: Callable[[str], None]) -> None:
    """Fill the empty database of *crm* with *people* and *number* deals on a tenth as many companies."""
    with crm.storage.writing() as connection:
        crm.schema.metadata.create_all(connection)
        create_objects(connection, crm.registry, crm.schema)
        note_all_applied(crm, connection)
    _hire(crm, people)
    with crm.storage.writing() as connection:
        _without_indexes(connection, crm)
        firms = companies(people, max(number // 10, 10))
        Inserter(connection, crm, "trade_company", RECORD + OWNED + ("name", "city")).insert(map(_firm, firms))
        say(f"{number:,} deals")
        _sell(connection, crm, people, Deals(people, firms, number))
        _set_number(connection, crm, number)
        say("indexes")
        for statement in _index_statements(crm):
            connection.execute(statement)
    say("search")
    with crm.system("benchmark") as db:
        while make_next(db) is not None:
            pass
    _settle(crm)


def _hire(crm: CRM, people: People) -> None:
    with crm.system("benchmark") as db:
        db.create_many([_with_id(Team(name=t.name, parent_id=t.parent), t.id) for t in people.teams])
        db.create_many([_with_id(User(name=u.name, team_id=u.team), u.id) for u in people.users])
        db.create_many([Assignment(user_id=u.id, role=r) for u in people.users for r in ("core.member", u.role)])
        db.create(ExchangeRate(currency="USD", valid_from=date(2020, 1, 1), rate=Decimal("0.9")))


def _with_id(record: Any, id_: UUID) -> Any:
    object.__setattr__(record, "id", id_)
    return record


def _without_indexes(connection: Connection, crm: CRM) -> None:
    for name in _BULK:
        for index in crm.schema.metadata.tables[name].indexes:
            index.drop(connection)


def _index_statements(crm: CRM) -> Iterator[CreateIndex]:
    for name in _BULK:
        for index in sorted(crm.schema.metadata.tables[name].indexes, key=lambda index: str(index.name)):
            yield CreateIndex(index)


def _sell(connection: Connection, crm: CRM, people: People, deals: Deals) -> None:
    """Insert *deals* and what goes with them, a batch at a time."""
    deal = Inserter(connection, crm, "trade_deal", RECORD + OWNED + _STAGE + _DEAL)
    side = Inserter(connection, crm, "loyalty_trade_deal", ("record_id", "tier", "score"))
    visit = Inserter(connection, crm, "core_stage_visit", _VISIT)
    shares, waiting = Shares(people, deals.number), iter(deals)
    while batch := list(islice(waiting, _BATCH)):
        deal.insert(map(_sale, batch))
        side.insert((d.id, *d.side) for d in batch if d.side is not None)
        visit.insert(("trade.deal", d.id, "trade.default", 1, d.stage, d.at, d.owner) for d in batch)
        for sale in batch:
            shares.note(sale)
    share = Inserter(connection, crm, "core_share", (*RECORD, "record_entity", "record_id", "user_id", "level"))
    share.insert((s.id, 1, s.at, s.at, None, {}, "trade.deal", s.record, s.user, "read") for s in shares.made)


RECORD = ("id", "version", "created_at", "updated_at", "created_by", "custom")
OWNED = ("owner_id", "team_id")
_STAGE = ("pipeline", "pipeline_version", "stage", "stage_kind", "stage_entered_at")
_MONEY = ("amount_minor", "amount_currency", "amount_base")
_DEAL = ("number", "name", "company_id", *_MONEY, "expected_close_on", "source")
_VISIT = ("entity", "record_id", "pipeline", "pipeline_version", "stage", "entered_at", "entered_by")


def _firm(firm: Firm) -> Row:
    owner = firm.owner
    return (firm.id, 1, firm.at, firm.at, owner.id, {}, owner.id, owner.team, firm.name, firm.city)


def _sale(deal: Sale) -> Row:
    record: Row = (deal.id, 1, deal.at, deal.at, deal.owner, {}, deal.owner, deal.team)
    stage = ("trade.default", 1, deal.stage, deal.kind, deal.at)
    money = (deal.minor, deal.currency, deal.base)
    return (*record, *stage, f"D-{deal.number:06}", deal.name, deal.company, *money, deal.close, deal.source)


def _no_custom_fields(_value: object) -> str:
    return "{}"


class Inserter:
    """Inserts rows into some columns of one table: COPY on PostgreSQL, executemany on SQLite."""

    def __init__(self, connection: Connection, crm: CRM, table: str, columns: Sequence[str]) -> None:
        """Insert into *columns* of *table*."""
        self._driver: Any = connection.connection.driver_connection
        self._table, self._columns, self._is_sqlite = table, columns, crm.storage.is_sqlite
        target = crm.schema.metadata.tables[table]
        self._encoders = [self._encoder(target.c[name]) for name in columns]

    def _encoder(self, column: sa.Column[Any]) -> Callable[[Any], Any] | None:
        if column.name == "custom":
            return _no_custom_fields
        encode = type_encoder(column.type, "sqlite" if self._is_sqlite else "postgresql")
        # A row repeats its moments and its people.
        return encode and lru_cache(maxsize=1024)(encode)

    def insert(self, rows: Iterable[Row]) -> None:
        """Insert *rows*, each with a value for every column."""
        encoded = (self._encode(row) for row in rows)
        listed = ", ".join(self._columns)
        if self._is_sqlite:
            marks = ", ".join("?" * len(self._columns))
            self._driver.executemany(f"INSERT INTO {self._table} ({listed}) VALUES ({marks})", encoded)
            return
        with self._driver.cursor() as cursor, cursor.copy(f"COPY {self._table} ({listed}) FROM STDIN") as copy:
            for row in encoded:
                copy.write_row(row)

    def _encode(self, row: Row) -> Row:
        return tuple([c if c is None or e is None else e(c) for c, e in zip(row, self._encoders, strict=True)])


def _set_number(connection: Connection, crm: CRM, last: int) -> None:
    name = sequence_name("trade.deal")
    if crm.storage.is_sqlite:
        connection.execute(sa.insert(crm.schema.system.sequence).values(name=name, value=last))
    else:
        connection.execute(sa.text("SELECT setval(CAST(:name AS regclass), :last)"), {"name": name, "last": last})


def _settle(crm: CRM) -> None:
    """Leave the database as it would be some time after an import: statistics taken, log written back."""
    with crm.storage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if crm.storage.is_sqlite:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            connection.exec_driver_sql("VACUUM ANALYZE")
            connection.exec_driver_sql("CHECKPOINT")
