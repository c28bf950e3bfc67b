"""Customers beside the deals of a world: contacts, five conversations with each, tasks, and deals of a plugin's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from benchmarks.world.loading import OWNED, RECORD, Inserter, Row
from benchmarks.world.opening import World
from benchmarks.world.people import Member
from crmkit import CRM, Assignment, Config, Database
from crmkit.core.migrating.applied import note_applied, pending
from crmkit.core.storage.database_objects import create_objects

__all__ = ["TALKS", "Customers", "with_customers"]

PLUGINS = ["customers", "commerce", "sales", "workspace"]
TALKS = 5
_ROLES = ("customers.agent", "sales.agent", "workspace.member")
_START = datetime(2025, 1, 1, tzinfo=UTC)


@attrs.frozen(eq=False)
class Customers:
    """A CRM of the plugins that come with crmkit, on the database of a world, and how many contacts it has."""

    crm: CRM
    world: World
    number: int

    @property
    def member(self) -> Member:
        """Who looks: the salesperson of the world."""
        return self.world.people.salesperson

    def some(self, number: int) -> list[UUID]:
        """Return the ids of *number* contacts of the member's team, from all over the table."""
        mine = [n for n in range(self.number) if self._owner(n).team == self.member.team]
        return [_id(_CONTACT, n) for n in mine[:: max(len(mine) // number, 1)]]

    def fill(self) -> None:
        """Load companies and contacts, unless another figure has done so already."""
        lacking = pending(self.crm)
        if not lacking:
            return
        with self.crm.storage.writing() as connection:
            self.crm.schema.metadata.create_all(connection)
            create_objects(connection, self.crm.registry, self.crm.schema)
            for revision in lacking:
                note_applied(connection, revision, self.crm.clock.now())
            self._insert(connection, "customers_company", "name city", self._rows(_COMPANY, 10, self._company))
            contacts = self._rows(_CONTACT, 1, self._contact)
            self._insert(connection, "customers_contact", "name company_id email", contacts)
        with self.crm.system("benchmark") as db:
            db.create_many([Assignment(user_id=self.member.id, role=role) for role in _ROLES])

    def fill_around(self) -> None:
        """Load what there is about contacts, unless that was done already."""
        with self.crm.storage.writing() as connection:
            talk = self.crm.schema.tables["customers_interaction"]
            if connection.scalar(sa.select(talk.c.id).limit(1)) is not None:
                return
            talks = self._rows(_TALK, 1, self._talk, times=TALKS)
            self._insert(connection, "customers_interaction", _INTERACTION, talks)
            self._insert(connection, "workspace_task", _TASK, self._rows(_TODO, 2, self._task))
            self._insert(connection, "sales_deal", _DEAL, self._rows(_SALE, 5, self._deal))

    def _insert(self, connection: Connection, table: str, columns: str, rows: Iterator[Row]) -> None:
        Inserter(connection, self.crm, table, (*RECORD, *OWNED, *columns.split())).insert(rows)

    def _rows(self, kind: int, every: int, made: object, times: int = 1) -> Iterator[Row]:
        """Yield a row of *kind* for every so many contacts, with what *made* gives for it."""
        for n in range(0, self.number, every):
            owner = self._owner(n)
            for time in range(times):
                at = _START + timedelta(minutes=n % 500_000, hours=time)
                record: Row = (_id(kind, n * TALKS + time if times > 1 else n), 1, at, at, owner.id, {})
                yield (*record, owner.id, owner.team, *made(n, at))  # type: ignore[operator]

    def _owner(self, n: int) -> Member:
        users = self.world.people.users
        return users[(n // 10) % len(users)]

    def _company(self, n: int, _at: datetime) -> Row:
        return f"Company {n}", "Berlin"

    def _contact(self, n: int, _at: datetime) -> Row:
        return f"Contact {n}", _id(_COMPANY, n - n % 10), f"c{n}@example.org"

    def _talk(self, n: int, at: datetime) -> Row:
        return "call", "About delivery", at, "customers.contact", _id(_CONTACT, n)

    def _task(self, n: int, _at: datetime) -> Row:
        return "Call back", "normal", 0, n % 4 == 0, "customers.contact", _id(_CONTACT, n)

    def _deal(self, n: int, at: datetime) -> Row:
        money, contact = (100 * (n % 90 + 10), "EUR", 100 * (n % 90 + 10)), _id(_CONTACT, n)
        return "sales.default", 1, "engaging", "open", at, f"Deal {n}", _id(_COMPANY, n - n % 10), contact, *money


_COMPANY, _CONTACT, _TALK, _TODO, _SALE = range(5)
_INTERACTION = "kind subject started_at regarding_entity regarding_id"
_TASK = "title priority progress is_done regarding_entity regarding_id"
_DEAL = (
    "pipeline pipeline_version stage stage_kind stage_entered_at name company_id contact_id "
    "amount_minor amount_currency amount_base"
)


def _id(kind: int, number: int) -> UUID:
    return UUID(int=(0xC0 + kind) << 120 | number)


@contextmanager
def with_customers(world: World, *, alone: bool = False) -> Iterator[Customers]:
    """Give the customers of *world*, as many contacts as it has deals, loaded into its copy of the database.

    They may be *alone*, without what there is about them.
    """
    crm = CRM(Config(database=Database(world.crm.config.database.url), plugins=PLUGINS))
    try:
        made = Customers(crm, world, world.size)
        made.fill()
        if not alone:
            made.fill_around()
        if not crm.storage.is_sqlite:
            with crm.storage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("ANALYZE")
        yield made
    finally:
        crm.close()
