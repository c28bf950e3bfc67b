"""Doors of ``visible`` and ``execute``: statements that a plugin builds from safe relations, in many forms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from tests.oracle.acts import CLASSES, EXTENSION
from tests.oracle.doors.registry import Probe, Questioner, door
from tests.oracle.phrases import UNFORESEEN
from tests.oracle.terms import ANY, Cash

NO_COLUMN = "no such column"
Rows = list[dict[str, Any]]


def seen(q: Questioner, entity: str) -> Rows:
    """Return the rows of the safe relation of *entity* as it should be: visible rows, readable columns."""
    return [columns(q, entity, q.world.read(q.p, entity, id)) for id in q.seen(entity)]


def columns(q: Questioner, entity: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return *row* by the names of columns: money and any-references have several."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        if name == "worth":
            minor, currency, base = value or Cash(None, None, None)  # type: ignore[arg-type]
            found |= {"worth_minor": minor, "worth_currency": currency, "worth_base": base}
            found["worth"] = None if base is None else Decimal(base).scaleb(-2)
        elif name in q.world.entities[entity].fields and q.world.entities[entity].fields[name].to == ANY:
            found |= {f"{name}_entity": value and value[0], f"{name}_id": value and value[1]}
        # Custom fields have columns of their own, and nobody has defined any.
        elif not name.startswith("extra.") and name != "custom":
            found[name] = "…" if name in UNFORESEEN else value
    return found


def bag(rows: Any) -> Counter[str]:
    """Return *rows* without their order, and whole numbers as such: PostgreSQL sums them to decimals."""
    return Counter(str(tuple(int(v) if isinstance(v, Decimal) and v == int(v) else v for v in row)) for row in rows)


def _mappings(result: Any) -> Counter[str]:
    names = list(result.keys())
    rows = [dict(zip(names, ("…" if n in UNFORESEEN else v for n, v in zip(names, row, strict=True)), strict=True))
            for row in result]  # fmt: skip
    return Counter(str(sorted(row.items())) for row in rows) + Counter([str(sorted(names))])


@door
def safe_relations(q: Questioner) -> Iterator[Probe]:
    for entity in (q.entity(), "trade.deal"):
        rows = lambda entity=entity: seen(q, entity)  # noqa: E731 - asked twice below
        names = lambda entity=entity: sorted(columns(q, entity, dict.fromkeys(q.world.readable(q.p, entity))))  # noqa: E731

        def want(rows=rows, names=names):
            return Counter(str(sorted(row.items())) for row in rows()) + Counter([str(names())])

        def call(db, entity=entity):
            result = db.execute(sa.select(db.visible(CLASSES[entity])))
            return result.keys(), [tuple(row) for row in result]

        yield Probe(f"every column of {entity}", want, call, lambda answer: _mappings(_Fetched(*answer)), _in_one_order)


def _in_one_order(answer: Any) -> str:
    """Return a whole answer as text; a statement without an order promises none."""
    if isinstance(answer, tuple):
        return f"{list(answer[0])} {sorted(map(str, answer[1]))}"
    return str(sorted(map(str, answer.elements() if isinstance(answer, Counter) else answer)))


class _Fetched(list[Any]):
    """Rows that have been fetched, with the names of their columns."""

    def __init__(self, names: Any, rows: Any) -> None:
        super().__init__(rows)
        self.keys = lambda: list(names)


@door
def safe_extension(q: Questioner) -> Iterator[Probe]:
    names = ["points", "grade", "hint", "sponsor_id"]

    def want():
        readable = [n for n in names if f"extra.{n}" in q.world.readable(q.p, "trade.deal")]
        deals = [q.world.records["trade.deal"][id] for id in q.seen("trade.deal")]
        # Where nothing was ever written there is no row.
        rows = [(deal["id"], *(deal[f"extra.{n}"] for n in readable)) for deal in deals if deal.get("extra.")]
        return ["record_id", *readable], sorted(rows)

    def call(db):
        result = db.execute(sa.select(db.visible(EXTENSION)))
        return list(result.keys()), [tuple(row) for row in result]

    yield Probe(
        "every column of the extension", want, call, lambda answer: (answer[0], sorted(answer[1])), _in_one_order
    )


Form = tuple[str, list[tuple[str, str]], Callable[..., Any], Callable[..., Any]]


def _form(name: str, needs: list[tuple[str, str]], build: Callable[..., Any], model: Callable[..., Any]) -> Form:
    return name, needs, build, model


D, F, L, U = "trade.deal", "trade.firm", "trade.line", "core.user"


def _both(deals: Rows, firms: Rows) -> Iterator[tuple[Any, Any]]:
    return ((d, f) for d in deals for f in firms if d["firm_id"] == f["id"])


def _with_itself(d: Any, other: Any) -> Any:
    return sa.select(sa.func.count()).select_from(d.join(other, d.c.owner_id == other.c.owner_id))


# Each form: what it needs, the statement over the safe relations, and what it should give over the visible rows.
FORMS: list[Form] = [
    _form("count", [(D, "id")], lambda d: sa.select(sa.func.count()).select_from(d), lambda d: [(len(d),)]),
    _form(
        "group", [(D, "colour")],
        lambda d: sa.select(d.c.colour, sa.func.count()).group_by(d.c.colour),
        lambda d: Counter(r["colour"] for r in d).items(),
    ),
    _form(
        "sum and having", [(D, "stage"), (D, "size")],
        lambda d: sa.select(d.c.stage, sa.func.sum(d.c.size)).group_by(d.c.stage).having(sa.func.count(d.c.size) > 0),
        lambda d: [
            (s, sum(r["size"] for r in d if r["stage"] == s and r["size"] is not None))
            for s in {r["stage"] for r in d if r["size"] is not None}
        ],
    ),
    _form(
        "window without a from", [(D, "size")],
        lambda d: sa.select(sa.func.max(d.c.size).over()),
        lambda d: [(max((r["size"] for r in d if r["size"] is not None), default=None),)] * len(d),
    ),
    _form(
        "row number", [(D, "name")],
        lambda d: sa.select(d.c.id, sa.func.row_number().over(partition_by=d.c.name, order_by=d.c.id)),
        lambda d: [(r["id"], sum(o["name"] == r["name"] and o["id"] <= r["id"] for o in d)) for r in d],
    ),
    _form(
        "filter", [(D, "colour")],
        lambda d: sa.select(sa.func.count().filter(d.c.colour == "red")).select_from(d),
        lambda d: [(sum(r["colour"] == "red" for r in d),)],
    ),
    _form(
        "join", [(D, "firm_id"), (F, "city")],
        lambda d, f: sa.select(d.c.id, f.c.city).join_from(d, f, d.c.firm_id == f.c.id),
        lambda d, f: [(a["id"], b["city"]) for a, b in _both(d, f)],
    ),
    _form(
        "outer join", [(D, "firm_id"), (F, "name")],
        lambda d, f: sa.select(d.c.id, f.c.name).select_from(d.outerjoin(f, d.c.firm_id == f.c.id)),
        lambda d, f: [(r["id"], next((x["name"] for x in f if x["id"] == r["firm_id"]), None)) for r in d],
    ),
    _form(
        "exists", [(D, "firm_id"), (F, "city")],
        lambda d, f: sa.select(d.c.id).where(sa.exists().where(f.c.id == d.c.firm_id, f.c.city == "Berlin")),
        lambda d, f: [(a["id"],) for a, b in _both(d, f) if b["city"] == "Berlin"],
    ),
    _form(
        "in a select", [(D, "firm_id"), (F, "city")],
        lambda d, f: sa.select(d.c.id).where(d.c.firm_id.in_(sa.select(f.c.id).where(f.c.city == "Bonn"))),
        lambda d, f: [(a["id"],) for a, b in _both(d, f) if b["city"] == "Bonn"],
    ),
    _form(
        "scalar subquery", [(D, "id"), (L, "deal_id")],
        lambda d, ln: sa.select(
            d.c.id, sa.select(sa.func.count()).where(ln.c.deal_id == d.c.id).select_from(ln).scalar_subquery()
        ),
        lambda d, ln: [(r["id"], sum(x["deal_id"] == r["id"] for x in ln)) for r in d],
    ),
    _form(
        "union", [(D, "name"), (F, "name")],
        lambda d, f: sa.union_all(sa.select(d.c.name), sa.select(f.c.name)),
        lambda d, f: [(r["name"],) for r in (*d, *f)],
    ),
    _form(
        "cte", [(D, "owner_id")],
        lambda d: (lambda c: sa.select(c.c.owner_id, sa.func.count()).group_by(c.c.owner_id))(sa.select(d).cte("mine")),
        lambda d: Counter(r["owner_id"] for r in d).items(),
    ),
    _form(
        "self join", [(D, "owner_id")],
        lambda d: _with_itself(d, d.alias()),
        lambda d: [(sum(a["owner_id"] == b["owner_id"] is not None for a in d for b in d),)],
    ),
    _form(
        "distinct and case", [(D, "size")],
        lambda d: sa.select(sa.case((d.c.size > 5, "big"), else_="small")).distinct(),
        lambda d: {("big" if r["size"] is not None and r["size"] > 5 else "small",) for r in d},
    ),
    _form(
        "three relations", [(D, "owner_id"), (L, "deal_id"), (U, "name")],
        lambda d, ln, u: sa.select(u.c.name, sa.func.count()).select_from(
            ln.join(d, ln.c.deal_id == d.c.id).join(u, d.c.owner_id == u.c.id)
        ).group_by(u.c.name),
        lambda d, ln, u: Counter(
            n["name"] for x in ln for r in d if r["id"] == x["deal_id"] for n in u if n["id"] == r["owner_id"]
        ).items(),
    ),
    _form(
        "except", [(D, "firm_id"), (F, "id")],
        lambda d, f: sa.except_(sa.select(f.c.id), sa.select(d.c.firm_id).where(d.c.firm_id.is_not(None))),
        lambda d, f: [(i,) for i in {r["id"] for r in f} - {r["firm_id"] for r in d}],
    ),
    _form(
        "computed", [(D, "area")],
        lambda d: sa.select(d.c.id, d.c.area).where(d.c.area > 3),
        lambda d: [(r["id"], r["area"]) for r in d if r["area"] is not None and r["area"] > 3],
    ),
    _form(
        "money", [(D, "worth")],
        lambda d: sa.select(sa.func.sum(d.c.worth)),
        lambda d: [(sum((r["worth"] for r in d if r["worth"] is not None), Decimal(0)) or None,)],
    ),
]  # fmt: skip


@door
def statements(q: Questioner) -> Iterator[Probe]:
    for name, needs, build, model in q.random.sample(FORMS, 4):
        entities = list(dict.fromkeys(entity for entity, _column in needs))

        def want(needs=needs, entities=entities, model=model):
            if not all(field in q.world.readable(q.p, entity) for entity, field in needs):
                return NO_COLUMN
            return bag(model(*(seen(q, entity) for entity in entities)))

        def call(db, entities=entities, build=build):
            relations = [db.visible(CLASSES[entity]) for entity in entities]
            try:
                statement = build(*relations)
            except (KeyError, AttributeError):
                return NO_COLUMN
            return [tuple(row) for row in db.execute(statement)]

        yield Probe(
            f"statement: {name}", want, call, lambda rows: rows if rows == NO_COLUMN else bag(rows), _in_one_order
        )
