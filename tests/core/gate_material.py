"""What the statements of the gate's tests are made of: two tables with secrets, and the relations of one reader."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import attrs
import sqlalchemy as sa

ME, OTHER = 1, 2
CANARY, NUMBER = "CANARY", 666013

metadata = sa.MetaData()
COMPANY = sa.Table(
    "company",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("owner_id", sa.Integer),
    sa.Column("parent_id", sa.Integer),
    sa.Column("name", sa.String(40)),
    sa.Column("city", sa.String(40)),
    sa.Column("secret", sa.String(40)),
)
DEAL = sa.Table(
    "deal",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("owner_id", sa.Integer),
    sa.Column("company_id", sa.ForeignKey("company.id")),
    sa.Column("name", sa.String(40)),
    sa.Column("stage", sa.String(40)),
    sa.Column("amount", sa.BigInteger),
    sa.Column("is_open", sa.Boolean),
    sa.Column("extra", sa.JSON),
    sa.Column("closed_on", sa.Date),
    sa.Column("created_at", sa.DateTime(timezone=True)),
    sa.Column("secret", sa.String(40)),
)
SHARE = sa.Table(
    "share_1",
    metadata,
    sa.Column("kind", sa.String(40)),
    sa.Column("record_id", sa.Integer),
    sa.Column("user_id", sa.Integer),
)


def _deal(id_: int, owner: int, company: int, stage: str, amount: int, day: date | None) -> dict[str, object]:
    hidden = owner != ME
    return {
        "id": id_, "owner_id": owner, "company_id": company, "name": CANARY if hidden else f"Deal {id_}",
        "stage": CANARY if hidden else stage, "amount": NUMBER if hidden else amount, "is_open": day is None,
        "extra": {"tier": CANARY if hidden else "gold", "deep": {"size": id_}}, "closed_on": day,
        "created_at": datetime(2026, 3, id_, 12, tzinfo=UTC), "secret": CANARY,
    }  # fmt: skip


VISIBLE_COMPANIES = [
    {"id": 1, "owner_id": ME, "parent_id": None, "name": "Acme", "city": "Berlin", "secret": CANARY},
    {"id": 2, "owner_id": ME, "parent_id": 1, "name": "Acme Süd", "city": "上海", "secret": CANARY},
    {"id": 3, "owner_id": ME, "parent_id": 2, "name": "Bolt", "city": None, "secret": CANARY},
]
HIDDEN_COMPANIES = [
    {"id": 4, "owner_id": OTHER, "parent_id": 1, "name": CANARY, "city": CANARY, "secret": CANARY},
    {"id": 5, "owner_id": OTHER, "parent_id": None, "name": CANARY, "city": CANARY, "secret": CANARY},
]
VISIBLE_DEALS = [
    _deal(1, ME, 1, "new", 100, None),
    _deal(2, ME, 1, "won", 250, date(2026, 2, 3)),
    _deal(3, ME, 2, "won", 40, date(2026, 3, 1)),
    _deal(4, ME, 3, "lost", 0, date(2026, 3, 1)),
    _deal(5, ME, 2, "new", 7, None),
]
HIDDEN_DEALS = [_deal(id_, OTHER, id_ % 5 + 1, "new", 0, None) for id_ in range(6, 12)]


def fill(connection: sa.Connection, *, hidden: bool) -> None:
    """Create the tables with the rows that the reader sees, and with the others too if *hidden*."""
    metadata.create_all(connection)
    connection.execute(COMPANY.insert(), VISIBLE_COMPANIES + (HIDDEN_COMPANIES if hidden else []))
    connection.execute(DEAL.insert(), VISIBLE_DEALS + (HIDDEN_DEALS if hidden else []))
    shares = [{"kind": "deal", "record_id": deal["id"], "user_id": ME} for deal in VISIBLE_DEALS]
    connection.execute(SHARE.insert(), shares)


def relation(table: sa.Table, owner: int = ME) -> sa.Subquery:
    """Return the safe relation of *table*: no secret, and only what *owner* owns or was shared."""
    return _shown(table).where(sa.or_(table.c.owner_id == owner, _shared(table, owner))).subquery()


def joined_relation(table: sa.Table, owner: int = ME) -> sa.Subquery:
    """Return the safe relation of *table* under a policy of which a database may make a join: what was shared."""
    return _shown(table).where(_shared(table, owner)).subquery()


def _shown(table: sa.Table) -> sa.Select[Any]:
    return sa.select(*[column for column in table.c if column.name != "secret"])


def _shared(table: sa.Table, owner: int) -> sa.ColumnElement[bool]:
    mine = SHARE.c.user_id == owner
    return sa.exists().where(SHARE.c.kind == table.name, SHARE.c.record_id == table.c.id, mine)


@attrs.frozen(eq=False)
class Material:
    """The relations that a reader issued, and what it must not touch."""

    deal: sa.Subquery = attrs.field(factory=lambda: relation(DEAL))
    company: sa.Subquery = attrs.field(factory=lambda: relation(COMPANY))
    strange: sa.Subquery = attrs.field(factory=lambda: relation(DEAL, OTHER))
    table: sa.Table = DEAL

    @property
    def issued(self) -> list[sa.Subquery]:
        """Return what the reader issued; ``strange`` is another reader's."""
        return [self.deal, self.company]
