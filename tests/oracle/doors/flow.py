"""Doors of what flows through pipelines: boards, funnels of the past, cycle times, conversion, for what is visible."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from crmkit import board, conversion, cycle_times, funnel
from tests.oracle.acts import CLASSES, stub
from tests.oracle.doors.reads import found
from tests.oracle.doors.registry import Probe, Questioner, door, through
from tests.oracle.terms import Denied

DEAL = "trade.deal"
FORWARD = ("new", "active", "won")
_STANDS = ("stage", "pipeline")


def _check(q: Questioner, *fields: str) -> None:
    if not set(fields) <= q.world.readable(q.p, DEAL):
        raise Denied("unknown-field")


def _paths(q: Questioner) -> list[list[tuple[datetime, dict[str, Any]]]]:
    """Return for each visible deal the rows that it has been, oldest first."""
    return [q.world.past[DEAL, id] for id in q.seen(DEAL)]


def _at(path: list[tuple[datetime, dict[str, Any]]], moment: datetime) -> dict[str, Any] | None:
    return next((row for since, row in reversed(path) if since <= moment), None)


def stages_of(path: list[tuple[datetime, dict[str, Any]]]) -> list[tuple[datetime, str]]:
    """Return when the deal entered which stage."""
    found: list[tuple[datetime, str]] = []
    for since, row in path:
        if not found or found[-1][1] != row["stage"]:
            found.append((since, row["stage"]))
    return found


def _lanes(found: Any) -> dict[str, tuple[int, Any]]:
    return {lane.slug: (lane.count, lane.amount) for lane in found.lanes if lane.count}


@door
def boards(q: Questioner) -> Iterator[Probe]:
    def want():
        _check(q, *_STANDS, "worth")
        lanes: dict[str, Any] = defaultdict(lambda: (0, Decimal(0)))
        for id in q.seen(DEAL):
            row = q.world.records[DEAL][id]
            number, amount = lanes[row["stage"]]
            lanes[row["stage"]] = (number + 1, amount + _worth(row))
        return dict(lanes)

    yield Probe("board", want, lambda db: through(db, board, CLASSES[DEAL], amount="worth"), _lanes)


def _worth(row: dict[str, Any]) -> Decimal:
    return Decimal(row["worth"].base if row["worth"] else 0).scaleb(-2)


@door
def funnels_of_the_past(q: Questioner) -> Iterator[Probe]:
    now = q.play.crm.clock.now()
    moment = now - timedelta(minutes=q.chance.one([-1, 0, 3, 7, 10, 24, 70]))
    for amounts in ("now", "then"):

        def want(amounts=amounts):
            _check(q, *_STANDS, "stage_entered_at", "worth")
            lanes: dict[str, Any] = defaultdict(lambda: (0, Decimal(0)))
            for path in _paths(q):
                row = _at(path, moment)
                if row is not None:
                    number, amount = lanes[row["stage"]]
                    lanes[row["stage"]] = (number + 1, amount + _worth(row if amounts == "then" else path[-1][1]))
            return dict(lanes)

        def call(db, amounts=amounts):
            return through(db, funnel, CLASSES[DEAL], at=moment, amount="worth", amounts=amounts)

        yield Probe(f"funnel at {moment} of amounts {amounts}", want, call, _lanes)


@door
def cycles(q: Questioner) -> Iterator[Probe]:
    by = q.chance.one([None, "owner_id", "team_id"])

    def want():
        _check(q, *_STANDS, "stage_entered_at", *([by] if by else []))
        stays: dict[Any, list[timedelta]] = defaultdict(list)
        ways: dict[Any, list[timedelta]] = defaultdict(list)
        for path in _paths(q):
            stages, whose = stages_of(path), path[-1][1][by] if by else None
            for (since, slug), (until, _next) in pairwise(stages):
                stays[slug, whose].append(until - since)
            if stages[-1][1] in ("won", "lost"):
                ways[stages[-1][1], whose].append(stages[-1][0] - stages[0][0])
        return [{key: (len(some), sorted(some)[(len(some) - 1) // 2]) for key, some in each.items()}
                for each in (stays, ways)]  # fmt: skip

    def view(found):
        return [{(d.what, d.whose): (d.count, d.median) for d in each} for each in (found.stages, found.totals)]

    yield Probe(f"cycle times by {by}", want, lambda db: through(db, cycle_times, CLASSES[DEAL], by=by), view)


@door
def conversions(q: Questioner) -> Iterator[Probe]:
    now = q.play.crm.clock.now()
    starts = [now - timedelta(days=1), now - timedelta(minutes=10)]

    def want():
        _check(q, *_STANDS, "stage_entered_at")
        found = []
        for start, end in ((starts[0], starts[1]), (starts[1], now + timedelta(days=1))):
            mine = [stages for stages in map(stages_of, _paths(q)) if start <= stages[0][0] < end]
            furthest = [max((FORWARD.index(s) for _at, s in each if s in FORWARD), default=-1) for each in mine]
            reached = {slug: sum(f >= place for f in furthest) for place, slug in enumerate(FORWARD)}
            found.append((len(mine), reached, sum(each[-1][1] == "lost" for each in mine)))
        return found

    def view(answer):
        return [(cohort.count, cohort.reached, cohort.lost) for cohort in answer.cohorts]

    yield Probe("conversion", want, lambda db: through(db, conversion, CLASSES[DEAL], starts), view)


@door
def visits(q: Questioner) -> Iterator[Probe]:
    for id in dict.fromkeys([*q.ids(DEAL, 1), *q.seen(DEAL)[:2]]):

        def want(id=id):
            deal = found(q, DEAL, id)
            _check(q, "stage")
            return [stage for _at, stage in stages_of(q.world.past[DEAL, deal])]

        def view(stays):
            return [stay.stage for stay in stays]

        yield Probe(f"visits of {id}", want, lambda db, id=id: db.visits(stub(DEAL, id)), view)
