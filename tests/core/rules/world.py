"""A small world for rules: deals, their companies, and what two plugins add; the same rows in memory and in tables."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core import fields
from crmkit.core.entity import (
    EntityInfo,
    FieldInfo,
    Owned,
    Record,
    any_ref,
    computed,
    entity,
    entity_info,
    extension,
    field,
    ref,
)
from crmkit.core.errors import UnknownFieldError
from crmkit.core.fields import Target
from crmkit.core.money import Money
from crmkit.core.rules.memory import Row
from crmkit.core.rules.moment import Moment
from crmkit.core.rules.rule import Rule
from crmkit.core.storage.columns import sql_type
from crmkit.core.storage.custom import to_json
from crmkit.core.text import Text

BASE = "EUR"


@entity("shop.company", label=Text("Company"))
class Company(Record):
    name: str = field()
    city: str | None = field()
    employees: int | None = field()
    founded_on: date | None = field()
    since: datetime | None = field()
    is_key: bool | None = field()
    revenue: Money | None = field()
    labels: tuple[str, ...] | None = field(fields.MultiChoice(["new", "old", "vip"]))
    parent_id: UUID | None = ref("shop.company")


@entity("shop.deal", label=Text("Deal"))
class Deal(Owned):
    name: str | None = field()
    stage: str = field()
    level: str | None = field(fields.Choice(["low", "high", "highest"]))
    tags: tuple[str, ...] | None = field(fields.MultiChoice(["hot", "cold", "hotter"]))
    count: int | None = field()
    price: Decimal | None = field()
    rate: Decimal | None = field(fields.Decimals(scale=2))
    share: Decimal | None = field(fields.Percent())
    amount: Money | None = field()
    vip: bool | None = field()
    closed_on: date | None = field()
    closed_at: datetime | None = field()
    company_id: UUID | None = ref("shop.company")
    regarding: Target | None = any_ref()
    secret: str | None = field()
    notes: Any = field(fields.Json(), default=None)

    @computed(fields.Integer(), needs=["count"])
    def doubtful(self) -> Any:
        return self.count

    @doubtful.sql
    def doubtful(columns: Any) -> Any:
        return columns["count"]


@extension(of="shop.deal")
class Membership:
    tier: str | None = field(default="basic")
    points: int | None = field(default=10)
    discount: Decimal | None = field(default=Decimal("0.5"))
    active: bool | None = field(default=True)
    joined_on: date | None = field(default=date(2026, 3, 1))
    marks: tuple[str, ...] | None = field(fields.MultiChoice(["a", "b"]), default=("a",))
    sponsor_id: UUID | None = ref("shop.company", default=None)


@extension(of="shop.company")
class Loyalty:
    level: str | None = field(default="none")
    years: int | None = field(default=None)


# Each of these fields has a twin that was made at run time, with the same values, such as ``custom.name``.
TWINS = {
    "shop.company": "name city employees founded_on since is_key labels parent_id".split(),
    "shop.deal": "name level tags count price rate share vip closed_on closed_at company_id".split(),
}


def _with_twins(info: EntityInfo) -> EntityInfo:
    twins = (info.fields[name] for name in TWINS[info.id])
    custom = {f"custom.{f.name}": attrs.evolve(f, name=f"custom.{f.name}", slot=f.name) for f in twins}
    return attrs.evolve(info, custom=custom)


ENTITIES = {info.id: _with_twins(info) for info in (entity_info(Company), entity_info(Deal))}
EXTENSIONS = {("shop.deal", "membership"): entity_info(Membership), ("shop.company", "loyalty"): entity_info(Loyalty)}
ME, MY_TEAM = UUID(int=1), UUID(int=101)
NOW = datetime(2026, 3, 15, 23, 30, tzinfo=UTC)
SHANGHAI = Moment.at(NOW, ZoneInfo("Asia/Shanghai"), ME, MY_TEAM)
NOBODY = Moment.at(NOW)


class Fields:
    """The namespace of an entity; *hidden* are ``(entity, field)`` that do not exist for its principal."""

    base_currency = BASE

    def __init__(self, info: EntityInfo = ENTITIES["shop.deal"], hidden: frozenset[tuple[str, str]] = frozenset()):
        self.entity, self.hidden = info, hidden

    def field(self, name: str) -> FieldInfo | computed[Any]:
        entity = self.entity
        found = entity.fields.get(name) or entity.computed.get(name) or entity.custom.get(name)
        if found is None or (self.entity.id, name) in self.hidden:
            raise UnknownFieldError(self.entity.id, name)
        return found

    def related(self, relation: str) -> Fields:
        known = {**self.entity.fields, **self.entity.custom}.get(f"{relation}_id")
        if known is None or known.relation is None or (self.entity.id, known.name) in self.hidden:
            raise UnknownFieldError(self.entity.id, relation)
        if known.type.entity not in ENTITIES:
            raise UnknownFieldError(self.entity.id, relation)
        return Fields(ENTITIES[known.type.entity], self.hidden)

    def extension(self, plugin: str) -> Fields:
        found = EXTENSIONS.get((self.entity.id, plugin))
        if found is None:
            raise UnknownFieldError(self.entity.id, plugin)
        return Fields(found, self.hidden)

    def overdue(self) -> Rule | None:
        return Rule.parse("closed_at < now() - hours(36)") if self.entity.id == "shop.deal" else None


# Tables, as the schema makes them.


def _table(metadata: sa.MetaData, name: str, info: EntityInfo, *keys: sa.Column[Any]) -> sa.Table:
    slots = [(f, slot) for f in info.fields.values() for slot in f.type.columns()]
    columns = [
        sa.Column(f.name + slot.suffix, sql_type(slot), primary_key=f.name == "id", nullable=f.name != "id")
        for f, slot in slots
    ]
    return sa.Table(name, metadata, *keys, *columns)


METADATA = sa.MetaData()
TABLES = {info.id: _table(METADATA, info.table, info) for info in ENTITIES.values()}
SIDES = {
    (host, plugin): _table(
        METADATA,
        f"{plugin}_{host.replace('.', '_')}",
        info,
        sa.Column("record_id", TABLES[host].c.id.type, primary_key=True),
    )
    for (host, plugin), info in EXTENSIONS.items()
}
DEALS = TABLES["shop.deal"]
# What is not deleted, as views: a sub-select of all columns would take most of the time of a test.
ALIVE = {
    id: sa.table(f"alive_{table.name}", *(sa.column(c.name, c.type) for c in table.c)) for id, table in TABLES.items()
}


class Source:
    """The rows of one entity, as a trusted rule sees them."""

    def __init__(self, columns: Any = DEALS.c, entity: str = "shop.deal"):
        self.columns, self.entity = columns, entity

    def related(self, entity: str) -> Source:
        return Source(ALIVE[entity].alias().c, entity)

    def extension(self, plugin: str) -> Source:
        return Source(SIDES[self.entity, plugin].alias().c, self.entity)

    def computed(self, name: str) -> Any:
        return ENTITIES[self.entity].computed[name].in_sql(self.columns)


# Rows.

TEXTS = [
    "", "a", "A", "ab", "Ab", "AB", "abc", "ba", "won", "lost", "Engaging", "Berlin", "berlin", "BERLIN", "München",
    "MÜNCHEN", "münchen", "Straße", "STRASSE", "strasse", "ẞ", "İstanbul", "istanbul", "i̇stanbul", "Σίσυφος", "ΣΊΣΥΦΟΣ",
    "上海", "上海市", "北京", "上", "%", "a%", "_", "a_b", "a'b", 'a"b', "a\\b",
    "\ud7ff", "\ue000", "￿", "😀", "😀😁", "𐐀",
    "zz\U0010ffff", "\U0010ffff", "basic", "gold", "Gold", "none", "shop.deal",
    "naïve", "nai\u0308ve", "ǅ", "ﬃ", "Ꭰ", "ꭰ",
]  # fmt: skip
INTEGERS = [0, 1, -1, 2, 3, 5, 7, 10, -10, 100, 999, 10**6, 10**12, -(10**12), 2**62, 2**63 - 1, -(2**63), -(2**63) + 1]
DECIMALS = ["0", "1", "-1", "0.5", "-0.5", "2.5", "0.25", "1.01", "9.99", "10", "100.1", "12345.67", "900000000.5"]
HUGE = ["922337203685477.5807", "-922337203685477.5808", "100000000000", "0.0001"]
DATES = [date(2026, 3, 15) + timedelta(days=n) for n in (-400, -30, -1, 0, 1, 2, 30)] + [
    date.min,
    date.max,
    date(2024, 2, 29),
]
MOMENTS = [NOW + timedelta(hours=n) for n in (-9000, -25, -24, -1, 0, 1, 24)] + [
    NOW + timedelta(microseconds=1),
    NOW - timedelta(microseconds=1),
    datetime(2026, 3, 15, tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 500000, tzinfo=UTC),
]
MONEY = [("0", 0), ("1", 100), ("0.01", 1), ("-5", -500), ("1000.50", 100050), ("99999999.99", 9999999999)]


# What no draw would hit: just beyond 64 bits once it has four digits after the point; just within; nothing at all.
EDGES: list[dict[str, Any]] = [
    {"vip": True, "count": 922337203685478, "price": Decimal("1.0000")},
    {"vip": False, "count": -922337203685478, "price": Decimal("922337203685477.5807")},
    {"vip": True, "count": 2**63 - 1, "rate": Decimal("0.01")},
    {"vip": None, "count": None, "price": None, "name": None, "amount": None, "amount_base": None, "company_id": None},
    {"name": "\ud7ff", "closed_on": date.max, "closed_at": MOMENTS[-2]},
]


class World:
    """Random rows, the same for one seed."""

    def __init__(self, seed: int, deals: int = 50, companies: int = 14):
        self.random = random.Random(seed)
        self.companies = [self._company(n) for n in range(companies)]
        alive = [c["id"] for c in self.companies]
        for company in self.companies:
            company["parent_id"] = self._maybe([*alive, UUID(int=999)])
        self.deals = [self._deal(n, alive) for n in range(deals)]
        for deal, edge in zip(self.deals, EDGES, strict=False):
            deal |= edge
        self.memberships = {d["id"]: self._membership(alive) for d in self.deals if self.random.random() < 0.5}
        self.loyalties = {c["id"]: self._loyalty() for c in self.companies if self.random.random() < 0.5}

    def _maybe(self, values: list[Any], empty: float = 0.2) -> Any:
        return None if self.random.random() < empty else self.random.choice(values)

    def _common(self, id: int) -> dict[str, Any]:
        gone = self.random.random() < 0.2
        return {
            "id": UUID(int=id), "version": 1, "created_at": NOW, "updated_at": NOW, "created_by": ME,
            "deleted_at": NOW if gone else None, "custom": {},
        }  # fmt: skip

    def _money(self) -> tuple[Money | None, int | None]:
        amount, minor = self.random.choice(MONEY)
        if self.random.random() < 0.25:
            return None, None
        if self.random.random() < 0.3:
            return Money.of("12.34", "USD"), minor
        return Money.of(amount, BASE), minor

    def _company(self, number: int) -> dict[str, Any]:
        revenue, base = self._money()
        return self._common(1000 + number) | {
            "name": self.random.choice(TEXTS), "city": self._maybe(TEXTS), "employees": self._maybe(INTEGERS),
            "founded_on": self._maybe(DATES), "since": self._maybe(MOMENTS), "is_key": self._maybe([True, False]),
            "revenue": revenue, "revenue_base": base,
            "labels": self._maybe([(), ("new",), ("new", "old"), ("old", "vip"), ("vip",)]),
        }  # fmt: skip

    def _deal(self, number: int, companies: list[UUID]) -> dict[str, Any]:
        amount, base = self._money()
        price = self._maybe(DECIMALS + HUGE)
        rate, share = self._maybe(DECIMALS[:10]), self._maybe(["0", "50", "99.99", "100"])
        return self._common(2000 + number) | {
            "owner_id": self._maybe([ME, UUID(int=2)]), "team_id": self._maybe([MY_TEAM, UUID(int=102)]),
            "name": self._maybe(TEXTS), "stage": self.random.choice(["won", "lost", "Won", "engaging"]),
            "level": self._maybe(["low", "high", "highest"]),
            "tags": self._maybe([(), ("hot",), ("cold", "hot"), ("hotter",), ("cold", "hot", "hotter")]),
            "count": self._maybe(INTEGERS),
            "price": None if price is None else Decimal(price).quantize(Decimal("0.0001")),
            "rate": None if rate is None else Decimal(rate), "share": None if share is None else Decimal(share),
            "amount": amount, "amount_base": base, "vip": self._maybe([True, False]),
            "closed_on": self._maybe(DATES), "closed_at": self._maybe(MOMENTS),
            "company_id": self._maybe([*companies, UUID(int=999)]),
            "regarding": self._maybe([Target("shop.deal", ME), Target("shop.company", UUID(int=1000))]),
            "secret": None, "notes": None,
        }  # fmt: skip

    def _membership(self, companies: list[UUID]) -> dict[str, Any]:
        discount = self._maybe(DECIMALS)
        return {
            "tier": self._maybe(["basic", "gold", "Gold", "上海"]), "points": self._maybe(INTEGERS),
            "discount": None if discount is None else Decimal(discount), "active": self._maybe([True, False]),
            "joined_on": self._maybe(DATES), "marks": self._maybe([(), ("a",), ("a", "b")]),
            "sponsor_id": self._maybe(companies),
        }  # fmt: skip

    def _loyalty(self) -> dict[str, Any]:
        return {"level": self._maybe(["none", "gold"]), "years": self._maybe([0, 1, 5])}

    # In memory.

    @cached_property
    def rows(self) -> list[Row]:
        return [self._row(ENTITIES["shop.deal"], values) for values in self.deals]

    @cached_property
    def _by_id(self) -> dict[UUID, dict[str, Any]]:
        return {company["id"]: company for company in self.companies if company["deleted_at"] is None}

    def _row(self, info: EntityInfo, values: Mapping[str, Any], depth: int = 0) -> Row:
        if depth > 4:
            return Row(values)
        related = {
            f.relation: self._row(ENTITIES["shop.company"], found, depth + 1)
            for f in info.fields.values()
            if f.relation and (found := self._by_id.get(values[f.name]))
        }
        related |= {f"custom.{name}": found for name, found in related.items()}
        values = {**values, **{name: values[f.slot] for name, f in info.custom.items()}}
        sides: dict[str, Any] = {}
        for plugin, stored in (("membership", self.memberships), ("loyalty", self.loyalties)):
            if (side := stored.get(values.get("id"))) is not None:
                sides[plugin] = self._row(EXTENSIONS[info.id, plugin], side, depth + 1)
        return Row({**values, "doubtful": values.get("count")}, related, sides)

    # In tables.

    def store(self, connection: Connection) -> None:
        METADATA.create_all(connection)
        for table in TABLES.values():
            view = f"CREATE VIEW alive_{table.name} AS SELECT * FROM {table.name} WHERE deleted_at IS NULL"
            connection.exec_driver_sql(view)
        connection.execute(TABLES["shop.company"].insert(), list(_stored(ENTITIES["shop.company"], self.companies)))
        connection.execute(DEALS.insert(), list(_stored(ENTITIES["shop.deal"], self.deals)))
        for (host, plugin), stored in zip(SIDES, (self.memberships, self.loyalties), strict=True):
            rows = _stored(EXTENSIONS[host, plugin], list(stored.values()))
            keyed = [{"record_id": id, **row} for id, row in zip(stored, rows, strict=True)]
            connection.execute(SIDES[host, plugin].insert(), keyed)


def _stored(info: EntityInfo, rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        found: dict[str, Any] = {}
        for f in info.fields.values():
            value = row[f.name]
            if isinstance(f.type, fields.MoneyType):
                parts: tuple[Any, ...] = (None, None, None)
                if value is not None:
                    parts = (value.minor, value.currency, row[f"{f.name}_base"])
            else:
                parts = f.type.split(value)
            found |= {f.name + slot.suffix: part for slot, part in zip(f.type.columns(), parts, strict=True)}
        if info.custom:
            kept = {f.slot: to_json(f.type)(row[f.slot]) for f in info.custom.values()}
            found["custom"] = {slot: value for slot, value in kept.items() if value is not None}
        yield found
