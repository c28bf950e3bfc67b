"""Pages of fifty: in every order and under every filter, for a salesperson, a manager and an administrator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from itertools import cycle
from typing import Any

import attrs

from benchmarks.figures import Figure, taking_turns
from benchmarks.handwritten.reading import LIMIT, Eyes, Hand, best_of
from benchmarks.harness import Comparison
from benchmarks.rows.viewers import Viewer, viewers
from benchmarks.world.opening import World
from benchmarks.world.people import Member
from benchmarks.world.records import COMMON_CITY, RARE_CITY
from benchmarks.world.trade.entities import Deal
from crmkit.core.policy.rule_sources import FieldScope
from crmkit.core.reading.ordering import encode_cursor, parse_order

__all__ = ["AskedList", "figures", "list_figure"]

_MILLIONS = 1_000_000
_SIDE = "trade_deal JOIN loyalty_trade_deal ON record_id = id"
_DRIVEN = "loyalty_trade_deal CROSS JOIN trade_deal ON record_id = id"


@attrs.frozen
class AskedList:
    """One list: what crmkit is asked, and what SQL says.

    *sql* are conditions of which the fastest counts; *tables* are what they are asked of. Rows without a value in the
    column *nullable* come last.
    """

    name: str
    where: str | None = None
    sql: Sequence[str] = ("1 = 1",)
    order_by: str | None = None
    sorted_by: Sequence[str] = ("id DESC",)
    tables: Sequence[str] = ("trade_deal",)
    parameters: dict[str, Any] = attrs.field(factory=dict)
    skip: int = 0
    nullable: str = ""


def figures(world: World) -> Iterator[Figure]:
    """Yield the figures of lists."""
    hand = Hand(world)
    for viewer in viewers(hand):
        for asked in (*_orders(), *_pages(world), *_filters(hand), *_extension(hand)):
            if viewer.name != "manager" or asked.name in _FOR_MANAGERS:
                yield list_figure(hand, viewer, asked)
    yield Figure("list", "salesperson, amount from another each time", lambda: _varied(hand, viewers(hand)[0]))


_FOR_MANAGERS = ("default order", "order -amount", "order name", "stage engaging")


def list_figure(hand: Hand, viewer: Viewer, asked: AskedList, group: str = "list") -> Figure:
    """Return the figure of a list as *viewer* sees it."""
    goal: dict[str, float] = {}
    if asked.name == "default order" and viewer.name == "salesperson":
        goal = {"most": 2.0, "most_ms": 10.0}
    elif "tier" in asked.name or "score" in asked.name or group == "custom field":
        goal = {"most_ms": 10.0}

    def measure() -> Any:
        ours, theirs = _ours(hand, viewer.member, viewer.eyes, asked), _theirs(hand, viewer.eyes, asked)
        return taking_turns(ours, theirs, _same_ids(hand))()

    return Figure(group, f"{viewer.name}, {asked.name}", measure, **goal)


def _orders() -> Iterator[AskedList]:
    yield AskedList("default order")
    yield AskedList("order id", order_by="id", sorted_by=("id ASC",))
    for field, column, nullable in (
        ("amount", "amount_base", True),
        ("expected_close_on", "expected_close_on", True),
        ("name", "name", False),
    ):
        for sign, way in (("", "ASC"), ("-", "DESC")):
            sorted_by = (f"{column} {way}, id {way}",)
            name = f"{sign}{field}"
            yield AskedList(f"order {name}", order_by=name, sorted_by=sorted_by, nullable=column if nullable else "")
    yield AskedList("order -created_at", order_by="-created_at", sorted_by=("created_at DESC, id DESC",))


def _pages(world: World) -> Iterator[AskedList]:
    yield AskedList("default order, deep page", skip=world.size // 40)
    yield AskedList(
        "order -amount, deep page",
        order_by="-amount",
        sorted_by=("amount_base DESC, id DESC",),
        skip=world.size // 40,
        nullable="amount_base",
    )


def _filters(hand: Hand) -> Iterator[AskedList]:
    yield AskedList("stage engaging", 'stage == "engaging"', hand.either("stage", "= 'engaging'"))
    yield AskedList(
        "stage engaging, order -amount",
        'stage == "engaging"',
        hand.either("stage", "= 'engaging'"),
        "-amount",
        ("amount_base DESC, id DESC",),
        nullable="amount_base",
    )
    money = {"low": 10_000_00, "high": 10_500_00}
    yield AskedList(
        "money range",
        "amount >= 10000 && amount <= 10500",
        hand.either("amount_base", "BETWEEN :low AND :high"),
        parameters=money,
    )
    yield AskedList(
        "money range, order amount",
        "amount >= 10000 && amount <= 10500",
        ("amount_base BETWEEN :low AND :high",),
        "amount",
        ("amount_base ASC, id ASC",),
        parameters=money,
    )
    days = {"low": hand.day(date(2026, 2, 1)), "high": hand.day(date(2026, 2, 7))}
    yield AskedList(
        "date range",
        'expected_close_on >= date("2026-02-01") && expected_close_on <= date("2026-02-07")',
        hand.either("expected_close_on", "BETWEEN :low AND :high"),
        parameters=days,
    )
    yield AskedList(
        "stage and money, order expected_close_on",
        'stage == "proposal" && amount >= 50000',
        [
            f"{stage} AND {amount}"
            for stage in hand.either("stage", "= 'proposal'")
            for amount in hand.either("amount_base", ">= 5000000")
        ],
        "expected_close_on",
        ("expected_close_on ASC, id ASC",),
        nullable="expected_close_on",
    )
    yield AskedList("text contains, 20 rows", 'name.contains("Zeppelin")', (_contains(hand, "Zeppelin"),))
    yield AskedList("text contains, common", 'name.contains("Press")', (_contains(hand, "Press"),))
    yield AskedList("source (no index)", 'source == "web"', ("source = 'web'",))
    for name, city in (("common", COMMON_CITY), ("rare", RARE_CITY)):
        inside = "SELECT id FROM trade_company WHERE city = :city AND deleted_at IS NULL"
        outside = (
            "EXISTS (SELECT 1 FROM trade_company c WHERE c.id = company_id AND c.city = :city AND c.deleted_at IS NULL)"
        )
        plans = [f"{column} IN ({inside})" for column in hand.hinted("company_id")]
        yield AskedList(
            f"company.city, {name}", f'company.city == "{city}"', [*plans, outside], parameters={"city": city}
        )


def _extension(hand: Hand) -> Iterator[AskedList]:
    for name, tier in (("rare", "platinum"), ("common", "silver")):
        parameters = {"tier": tier}
        yield AskedList(
            f"tier, {name}",
            f'loyalty.tier == "{tier}"',
            ("tier = :tier",),
            sorted_by=("record_id DESC", "id DESC"),
            tables=_tables(hand),
            parameters=parameters,
        )
        inside = "id IN (SELECT record_id FROM loyalty_trade_deal WHERE tier = :tier)"
        outside = "EXISTS (SELECT 1 FROM loyalty_trade_deal WHERE record_id = id AND tier = :tier)"
        yield AskedList(
            f"tier, {name}, order -amount",
            f'loyalty.tier == "{tier}"',
            (inside, outside),
            "-amount",
            ("amount_base DESC, id DESC",),
            parameters=parameters,
            nullable="amount_base",
        )
    for sign, way in (("", "ASC"), ("-", "DESC")):
        yield AskedList(
            f"order {sign}score",
            None,
            ("score IS NOT NULL",),
            f"{sign}loyalty.score",
            (f"score {way}, record_id {way}", f"score {way}, id {way}"),
            _tables(hand),
        )


def _tables(hand: Hand) -> tuple[str, ...]:
    """Return the ways to join: left to the planner, and on SQLite driven from the side table."""
    return (_SIDE, _DRIVEN) if hand.is_sqlite else (_SIDE,)


def _contains(hand: Hand, word: str) -> str:
    return f"{'instr' if hand.is_sqlite else 'strpos'}(name, '{word}') > 0"


# The two sides.


def _ours(hand: Hand, member: Member, eyes: Eyes, asked: AskedList) -> Callable[[], object]:
    crm, principal = hand.world.crm, hand.world.principal(member)
    if not asked.skip:

        def find() -> object:
            with crm.read(principal) as db:
                return db.find(Deal, asked.where, order_by=asked.order_by, limit=LIMIT)

        return find
    cursor = _cursor(hand, member, _mark(hand, eyes, asked), asked)

    def page() -> object:
        with crm.read(principal) as db:
            return db.page(Deal, asked.where, order_by=asked.order_by, limit=LIMIT, after=cursor).records

    return page


def _mark(hand: Hand, eyes: Eyes, asked: AskedList) -> Any:
    """Return the row that is *skip* rows into the list."""
    # PostgreSQL would begin with rows that have no value.
    condition = f"{asked.sql[0]} AND {asked.nullable} IS NOT NULL" if asked.nullable else asked.sql[0]
    order = f"{asked.sorted_by[0]} LIMIT 1 OFFSET {asked.skip} -- "
    return hand.gathered(eyes, order, condition)()[0]


def _cursor(hand: Hand, member: Member, row: Any, asked: AskedList) -> str:
    crm = hand.world.crm
    with crm.read(hand.world.principal(member)) as db:
        info = crm.registry.entity(Deal)
        order = parse_order(FieldScope(crm.registry, info, db.access), info, asked.order_by)
        record = db.get(Deal, hand.uuid(row.id))
    return encode_cursor(order, [*([row.amount_base] if order.keys else []), record.id])


def _theirs(hand: Hand, eyes: Eyes, asked: AskedList) -> Callable[[], Sequence[Any]]:
    parameters, beyond = dict(asked.parameters), ""
    if asked.skip:
        row = _mark(hand, eyes, asked)
        keys = [term.split()[0] for term in asked.sorted_by[0].split(", ")]
        parameters |= {f"after_{key}": getattr(row, key) for key in keys}
        beyond = f" AND ({', '.join(keys)}) < ({', '.join(f':after_{key}' for key in keys)})"
    if not asked.nullable:
        return _fastest(hand, eyes, asked, beyond, asked.sorted_by, parameters)
    some = _fastest(hand, eyes, asked, f"{beyond} AND {asked.nullable} IS NOT NULL", asked.sorted_by, parameters)
    by_id = [f"id {asked.sorted_by[0].split()[-1]}"]
    none = _fastest(hand, eyes, asked, f" AND {asked.nullable} IS NULL", by_id, asked.parameters)

    def both() -> Sequence[Any]:
        rows = some()
        return rows if len(rows) == LIMIT else [*rows, *none()][:LIMIT]

    return both


def _fastest(
    hand: Hand, eyes: Eyes, asked: AskedList, condition: str, orders: Sequence[str], parameters: dict[str, Any]
) -> Callable[[], Sequence[Any]]:
    return best_of(
        way(eyes, order, where + condition, tables=tables, **parameters)
        for way in (hand.page, hand.gathered)
        for where in asked.sql
        for order in orders
        for tables in asked.tables
    )


def _varied(hand: Hand, viewer: Viewer) -> Comparison:
    """Compare a list whose condition has another value at each call, so that no statement comes twice as it was."""
    crm, principal = hand.world.crm, hand.world.principal(viewer.member)
    theirs = best_of(
        way(viewer.eyes, "id DESC", condition, least=50_000_00)
        for way in (hand.page, hand.gathered)
        for condition in hand.either("amount_base", ">= :least")
    )

    def ours(euros: int) -> Any:
        with crm.read(principal) as db:
            return db.find(Deal, f"amount >= {euros}", limit=LIMIT)

    mine, other = (cycle(range(50_000, 60_000)) for _side in range(2))
    same = _same_ids(hand)
    return taking_turns(lambda: ours(next(mine)), lambda: theirs(least=next(other) * 100), same)()


def _same_ids(hand: Hand) -> Callable[[Any, Any], bool]:
    def same(ours: Any, theirs: Any) -> bool:
        return [hand.id(record.id) for record in ours] == [row.id for row in theirs]

    return same
