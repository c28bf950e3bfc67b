"""Boards, funnels, cycle times and conversion tell what a naive model tells of what the reader sees, and no more."""

from datetime import timedelta
from decimal import Decimal
from itertools import count

import attrs
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import event

from crmkit import (
    ExchangeRate,
    Grant,
    Mask,
    Money,
    RuleError,
    UnknownFieldError,
    UnknownPipelineError,
    board,
    conversion,
    cycle_times,
    funnel,
)
from crmkit.testing import both_databases, plugin
from tests.core.flow.paths import (
    MAIN,
    PATHS,
    SELLER,
    SIDE,
    SLUGS,
    STAGES,
    Order,
    Path,
    naive_cohorts,
    naive_funnel,
    naive_overdue,
    naive_stays,
    naive_ways,
    percentile,
)

DEAR = "price >= 5000"
HOURS = st.integers(0, 60)
STEPS = st.one_of(
    st.tuples(st.just("create"), st.sampled_from([MAIN.id, MAIN.id, SIDE.id]), st.sampled_from(SLUGS)),
    st.tuples(st.just("move"), st.integers(0, 5), st.sampled_from(SLUGS)),
    st.tuples(st.just("price"), st.integers(0, 5), st.none() | st.integers(0, 10**6)),
    st.tuples(st.just("delete"), st.integers(0, 5), st.none()),
)
HISTORIES = st.lists(st.tuples(STEPS, HOURS, st.integers(0, 1)), min_size=1, max_size=14)


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm(PATHS, database=database, clock=clock)


@pytest.fixture
def anna(people):
    return people.user("Anna", roles=["paths.seller"])


def live(crm, clock, seller, history):
    """Let *history* happen to orders of *seller*, and return their paths by id, and the moments at which it did."""
    paths, moments = {}, [clock.now()]
    for (act, first, second), hours, seconds in history:
        clock.advance(hours=hours, seconds=seconds, microseconds=437)
        moments.append(now := clock.now())
        with crm.write(seller) as db:
            if act == "create":
                stage = "new" if first == SIDE.id else second
                made = db.create(Order(pipeline=first, stage=stage))
                paths[made.id] = Path(first, [(now, stage)])
                continue
            ids = [id_ for id_, path in paths.items() if path.pipeline == MAIN.id]
            if not ids:
                continue
            order = db.get(Order, ids[first % len(ids)])
            if act == "move" and order.stage != second:
                db.move(order, second)
                paths[order.id].stages.append((now, second))
            elif act == "price":
                price = None if second is None else Money(second, "EUR")
                if price != order.price:
                    db.update(order, price=price)
                    paths[order.id].prices.append((now, price and price.amount))
            elif act == "delete":
                db.delete(order)
                del paths[order.id]
    clock.advance(hours=5)
    return paths, moments


def told(found):
    return {lane.slug: (lane.count, lane.amount, lane.count - lane.unpriced) for lane in found.lanes if lane.count}


@pytest.mark.long
@both_databases
@settings(max_examples=12, suppress_health_check=list(HealthCheck), deadline=None)
@given(history=HISTORIES)
def test_flow_is_what_a_naive_model_tells(crm, clock, people, history):
    live(crm, clock, people.user(f"Other {next(NUMBERS)}", roles=["paths.seller"]), history[:3])
    seller = people.user(f"Seller {next(NUMBERS)}", roles=["paths.seller"])
    paths, moments = live(crm, clock, seller, history)
    mine, now = list(paths.values()), clock.now()
    with crm.read(seller) as db:
        for moment in (moments[1], moments[len(moments) // 2], moments[-1] - timedelta(minutes=30), now):
            for amounts in ("now", "then"):
                found = funnel(db, Order, at=moment, amount="price", amounts=amounts)
                assert told(found) == naive_funnel(mine, moment, then=amounts == "then")
        today = board(db, Order, amount="price")
        assert told(today) == naive_funnel(mine, now, then=False)
        late = naive_overdue([path for path in mine if path.pipeline == MAIN.id], now)
        assert {lane.slug: lane.overdue for lane in today.lanes if lane.overdue} == late
        assert db.count(Order, "overdue()") == sum(naive_overdue(mine, now).values())
        assert {o.id for o in db.find(Order, "overdue()")} == {
            id_ for id_, path in paths.items() if naive_overdue([path], now)
        }

        times = cycle_times(db, Order)
        assert {d.what: summary(d) for d in times.stages} == durations(naive_stays(mine))
        assert {d.what: summary(d) for d in times.totals} == durations(naive_ways(mine))

        dear = [path for path in mine if path.prices and (path.prices[-1][1] or 0) >= 5000]
        for moment in (moments[len(moments) // 2], now):
            for amounts in ("now", "then"):
                found = funnel(db, Order, at=moment, amount="price", amounts=amounts, where=DEAR)
                assert told(found) == naive_funnel(dear, moment, then=amounts == "then")
        today = board(db, Order, amount="price", where=DEAR)
        assert told(today) == naive_funnel(dear, now, then=False)
        late = naive_overdue([path for path in dear if path.pipeline == MAIN.id], now)
        assert {lane.slug: lane.overdue for lane in today.lanes if lane.overdue} == late
        times = cycle_times(db, Order, where=DEAR)
        assert {d.what: summary(d) for d in times.stages} == durations(naive_stays(dear))
        assert {d.what: summary(d) for d in times.totals} == durations(naive_ways(dear))
        assert cohorts_of(db, [moments[0]], DEAR) == naive_cohorts(dear, [moments[0]])

        starts = [moments[0], *{moments[len(moments) // 2]} - {moments[0]}]
        assert cohorts_of(db, starts) == naive_cohorts(mine, starts)


def cohorts_of(db, starts, where=None):
    found = conversion(db, Order, starts, where=where).cohorts
    return [(cohort.count, cohort.reached, cohort.lost) for cohort in found]


NUMBERS = count()


def summary(found):
    return found.count, found.average, found.percentiles


def durations(by_what):
    span = lambda seconds: timedelta(seconds=seconds)  # noqa: E731
    return {
        what: (len(some), span(sum(some) // len(some)), {p: span(percentile(some, p)) for p in (50, 90)})
        for what, some in by_what.items()
    }


@both_databases
def test_cycle_times_are_told_by_owner_and_within_a_period(crm, clock, people, anna):
    bo = people.user("Bo", roles=["paths.seller"])
    start = clock.now()
    for seller, hours in ((anna, 4), (bo, 10)):
        with crm.write(seller) as db:
            made = db.create(Order())
        clock.advance(hours=hours)
        with crm.write(seller) as db:
            db.move(made, "paid")

    with crm.system("test") as db:
        by = cycle_times(db, Order, by="owner_id")
        early = cycle_times(db, Order, until=start + timedelta(hours=5))
    assert {(d.whose, d.what): d.median for d in by.totals} == {
        (anna.user_id, "won"): timedelta(hours=4),
        (bo.user_id, "won"): timedelta(hours=10),
    }
    assert [(d.what, d.count) for d in (*early.stages, *early.totals)] == [("new", 1), ("won", 1)]


@both_databases
def test_money_of_then_is_converted_by_the_rate_of_that_day(crm, clock, anna):
    day = clock.now().date()
    with crm.system("rates") as db:
        db.create(ExchangeRate(currency="USD", valid_from=day, rate=Decimal("0.5")))
        db.create(ExchangeRate(currency="USD", valid_from=day + timedelta(days=10), rate=Decimal(2)))
    with crm.write(anna) as db:
        db.create(Order(price=Money.of(100, "USD")))
    then = clock.now()
    clock.advance(days=20)
    with crm.read(anna) as db:
        assert funnel(db, Order, at=then, amount="price", amounts="then").lane("new").amount == 50
        assert funnel(db, Order, at=clock.now(), amount="price", amounts="then").lane("new").amount == 200
        assert funnel(db, Order, at=clock.now(), amount="price").lane("new").amount == 50


def asks(db, moment):
    yield lambda: funnel(db, Order, at=moment)
    yield lambda: cycle_times(db, Order)
    yield lambda: conversion(db, Order, [moment])


@pytest.mark.parametrize("name", ["price", "nosuch"])
def test_a_condition_on_a_hidden_field_is_refused_as_one_on_no_field(crm, clock, people, name):
    people.role("half", [Grant("paths.order", ["read"], "all")], [Mask("paths.order", ["price"])])
    where = f"{name} != null"
    with crm.read(people.user("Half", roles=["half"])) as db:
        for ask in (
            lambda: board(db, Order, where=where),
            lambda: funnel(db, Order, at=clock.now(), where=where),
            lambda: cycle_times(db, Order, where=where),
            lambda: conversion(db, Order, [clock.now()], where=where),
        ):
            with pytest.raises(RuleError, match=f"'{name}'") as caught:
                ask()
            assert "price" not in str(caught.value).replace(f"'{name}'", "")


@pytest.mark.parametrize("hidden", ["stage", "pipeline", "stage_entered_at"])
def test_what_needs_a_hidden_field_does_not_exist(crm, clock, people, hidden):
    people.role("half", [Grant("paths.order", ["read"], "all")], [Mask("paths.order", [hidden])])
    with crm.read(people.user("Half", roles=["half"])) as db:
        for ask in asks(db, clock.now()):
            with pytest.raises(UnknownFieldError, match=f"has no field '{hidden}'"):
                ask()
        if hidden == "stage_entered_at":
            assert all(lane.overdue is None for lane in board(db, Order).lanes)


@pytest.mark.parametrize("amounts", ["now", "then"])
def test_a_hidden_amount_is_no_field_of_the_past_either(crm, clock, people, amounts):
    people.role("half", [Grant("paths.order", ["read"], "all")], [Mask("paths.order", ["price"])])
    with crm.read(people.user("Half", roles=["half"])) as db:
        for name in ("price", "nosuch"):
            with pytest.raises(UnknownFieldError, match=f"has no field '{name}'"):
                funnel(db, Order, at=clock.now(), amount=name, amounts=amounts)


def test_what_is_no_money_has_no_past_amounts(crm, clock, anna):
    with crm.read(anna) as db, pytest.raises(UnknownFieldError, match="'name'"):
        funnel(db, Order, at=clock.now(), amount="name", amounts="then")


def test_an_unknown_pipeline_is_named_with_those_there_are(crm, anna):
    with crm.read(anna) as db, pytest.raises(UnknownPipelineError, match=r"paths\.main, paths\.side"):
        board(db, Order, "paths.nosuch")


def test_a_stage_that_went_is_a_retired_lane_while_it_is_occupied(make_crm, crm, clock, anna):
    with crm.write(anna) as db:
        made = db.create(Order(stage="sent"))
    shorter = attrs.evolve(MAIN, stages=[s for s in STAGES if s.slug != "sent"], moves=MAIN.moves[:2], version=2)
    later = make_crm(plugin("paths", entities=[Order], roles=[SELLER], pipelines=[shorter, SIDE]), clock=clock)
    later.storage = later.model._storage = crm.storage
    with later.read(anna) as db:
        found = board(db, Order)
    assert [(lane.slug, lane.count, lane.is_retired) for lane in found.lanes if lane.count] == [("sent", 1, True)]
    assert found.version == 2
    assert made.stage == "sent"


@both_databases
def test_the_number_of_statements_does_not_grow(crm, clock, anna):
    seen = []
    # Lists and sums are prepared and pass by the event; of statements over safe relations it sees all.
    event.listen(crm.storage.engine, "before_cursor_execute", lambda _c, _cursor, text, *_rest: seen.append(text))
    numbers = []
    for more in (1, 40):
        with crm.write(anna) as db:
            made = db.create_many([Order() for _each in range(more)])
            db.move_many(made, "made")
        with crm.read(anna) as db:
            seen.clear()
            board(db, Order, amount="price")
            funnel(db, Order, at=clock.now(), amount="price", amounts="then")
            cycle_times(db, Order)
            conversion(db, Order, [clock.now() - timedelta(days=1)])
            numbers.append(len([text for text in seen if "core_stage_visit" in text]))
    assert numbers == [4, 4]
