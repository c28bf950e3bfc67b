"""A plugin of orders with two pipelines, and what is told of their flow by a naive model in Python."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import attrs

from crmkit import Grant, Money, Move, Owned, Pipeline, Pipelined, Role, Stage, entity, field, translator
from crmkit.testing import plugin

_ = translator("tests")
VERBS = ("read", "create", "update", "delete", "move", "transfer", "share")


@entity("paths.order", label=_("Order"))
class Order(Owned, Pipelined):
    name: str = field(default="Order")
    price: Money | None = field(default=None)


STAGES = [
    Stage("new", _("New"), expected=timedelta(days=2)),
    Stage("made", _("Made"), probability=50, expected=timedelta(hours=30)),
    Stage("sent", _("Sent"), probability=80),
    Stage("paid", _("Paid"), "won", 100),
    Stage("void", _("Void"), "lost"),
]
SLUGS = [stage.slug for stage in STAGES]
FORWARD = ["new", "made", "sent", "paid"]
MAIN = Pipeline("paths.main", "paths.order", _("Main"), STAGES, [Move("*", slug) for slug in SLUGS])
SIDE = Pipeline("paths.side", "paths.order", _("Side"), STAGES[:1], [])
SELLER = Role("paths.seller", _("Seller"), [Grant("paths.order", VERBS, "own")])
PATHS = plugin("paths", entities=[Order], roles=[SELLER], pipelines=[MAIN, SIDE])


@attrs.define
class Path:
    """What happened to one order: ``(moment, stage)`` and ``(moment, price)``, oldest first."""

    pipeline: str
    stages: list[tuple[datetime, str]] = attrs.field(factory=list)
    prices: list[tuple[datetime, Decimal | None]] = attrs.field(factory=list)
    owner: UUID | None = None

    def at(self, moment: datetime) -> str | None:
        """Return the stage at *moment*: the last one entered by then."""
        return next((slug for entered, slug in reversed(self.stages) if entered <= moment), None)

    def price_at(self, moment: datetime) -> Decimal | None:
        """Return the price at *moment*."""
        return next((price for since, price in reversed(self.prices) if since <= moment), None)

    def stays(self) -> list[tuple[str, datetime, datetime]]:
        """Return the stays that have ended."""
        return [(slug, begin, end) for (begin, slug), (end, _next) in zip(self.stages, self.stages[1:], strict=False)]


def naive_funnel(paths, moment, *, then):
    """Return by stage how many stood there, what they add up to, and how many were priced."""
    found = defaultdict(lambda: [0, Decimal(0), 0])
    for path in paths:
        slug = path.at(moment) if path.pipeline == MAIN.id else None
        if slug is not None:
            price = path.price_at(moment) if then else path.prices[-1][1] if path.prices else None
            found[slug][0] += 1
            found[slug][1] += price or 0
            found[slug][2] += price is not None
    return {slug: tuple(found[slug]) for slug in SLUGS if slug in found}


def _seconds(begin, end):
    return int(end.timestamp()) - int(begin.timestamp())


def percentile(values, percent):
    """Return the nearest-rank percentile."""
    return sorted(values)[-(-len(values) * percent // 100) - 1]


def naive_stays(paths):
    """Return by stage the seconds of each stay that has ended."""
    found = defaultdict(list)
    for path in paths:
        for slug, begin, end in path.stays() if path.pipeline == MAIN.id else ():
            found[slug].append(_seconds(begin, end))
    return dict(found)


def naive_ways(paths):
    """Return the seconds that what is won and what is lost took."""
    found = defaultdict(list)
    for path in paths:
        entered, slug = path.stages[-1]
        if path.pipeline == MAIN.id and slug in ("paid", "void"):
            found["won" if slug == "paid" else "lost"].append(_seconds(path.stages[0][0], entered))
    return dict(found)


def naive_cohorts(paths, starts):
    """Return for each cohort how many it has, how many reached each stage, and how many are lost."""
    found = []
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        mine = [
            p for p in paths if p.pipeline == MAIN.id and start <= p.stages[0][0] and (not end or p.stages[0][0] < end)
        ]
        furthest = [max((FORWARD.index(s) for _at, s in p.stages if s in FORWARD), default=-1) for p in mine]
        reached = {slug: sum(f >= place for f in furthest) for place, slug in enumerate(FORWARD)}
        found.append((len(mine), reached, sum(p.stages[-1][1] == "void" for p in mine)))
    return found


def naive_overdue(paths, now):
    """Return by stage how many are overdue."""
    expected = {stage.slug: stage.expected for stage in STAGES if stage.expected}
    late = [
        p.stages[-1][1] for p in paths if (e := expected.get(p.stages[-1][1])) is not None and p.stages[-1][0] < now - e
    ]
    return Counter(late)
