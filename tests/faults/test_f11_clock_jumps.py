"""F11: the clock jumps an hour ahead or back, summer time begins and ends, a leap day comes.

What is due is done once, and what is measured is right to the second.
"""

from datetime import UTC, datetime, timedelta

import pytest

from crmkit import (
    Approval,
    Company,
    Grant,
    Job,
    Move,
    Owned,
    Pipeline,
    Pipelined,
    Refusal,
    RetentionRule,
    Role,
    Schedule,
    Stage,
    approvals,
    approve,
    cycle_times,
    entity,
    field,
    request_approval,
    translator,
)
from crmkit.core.privacy.retaining import run_retention
from crmkit.plugins.workspace.entities import Notification, Task
from crmkit.testing import People, play, plugin
from tests.core.jobs.watching import Parcel, post
from tests.marks import both_databases_in_time

pytestmark = both_databases_in_time
_ = translator("tests")

BERLIN = Company(time_zone="Europe/Berlin")
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
# Each some hours before what is odd about the day.
DAYS = {
    "ordinary": datetime(2026, 3, 2, 9, tzinfo=UTC),
    "summer time begins": datetime(2026, 3, 28, 22, tzinfo=UTC),
    "summer time ends": datetime(2026, 10, 24, 22, tzinfo=UTC),
    "leap day": datetime(2028, 2, 28, 22, tzinfo=UTC),
}
days = pytest.mark.parametrize("start", DAYS.values(), ids=DAYS)
jumps = pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["ahead", "back"])
cases = pytest.mark.parametrize(
    ("start", "jump"),
    [
        (DAYS["ordinary"], HOUR),
        (DAYS["ordinary"], -HOUR),
        (DAYS["summer time begins"], HOUR),
        (DAYS["summer time ends"], -HOUR),
        (DAYS["leap day"], -HOUR),
    ],
    ids=["ordinary, ahead", "ordinary, back", "summer time begins", "summer time ends", "leap day"],
)


@entity("desk.ticket", label=_("Ticket"))
class Ticket(Owned, Pipelined):
    name: str = field(default="Ticket")


DESK = plugin(
    "desk",
    entities=[Ticket],
    roles=[Role("desk.agent", _("Agent"), [Grant("desk.ticket", ["read", "create", "update", "move"], "all")])],
    pipelines=[
        Pipeline(
            "desk.tickets",
            "desk.ticket",
            _("Tickets"),
            [Stage("new", _("New"), expected=DAY), Stage("known", _("Known")), Stage("done", _("Done"), "won")],
            [
                Move("new", "known"),
                Move("known", "done", approval=Approval(needed=1, roles=["desk.agent"], expires=5 * DAY)),
                Move("done", "known"),
            ],
        )
    ],
)


@pytest.fixture
def desk(make_crm, database, clock):
    return make_crm(DESK, database=database, clock=clock, company=BERLIN)


def around(moment, jump):
    """Yield moments from one second before *moment* to an hour after it; the clock may jump back in between."""
    yield moment - SECOND
    if jump < timedelta(0):
        yield moment - SECOND + jump
        yield moment - SECOND
    yield moment + SECOND
    yield moment + SECOND + abs(jump)


@cases
def test_f11_schedule_strikes_once_each_time(make_crm, database, clock, make_worker, start, jump):
    clock.travel(start)
    struck = []
    tick = Job("post.tick", lambda _context, _arguments: struck.append(clock.now()))
    half_hourly = Schedule("post.half_hourly", "*/30 * * * *", "post.tick")
    crm = make_crm(post(jobs=[tick], schedules=[half_hourly]), database=database, clock=clock, company=BERLIN)
    worker = make_worker(crm)
    play(worker, start + 2 * HOUR)
    clock.travel(clock.now() + jump)
    play(worker, start + 6 * HOUR)

    every = [start + place * HOUR / 2 for place in range(1, 13)]
    # What lies in an hour that was left out is made up for once, when that is noticed.
    skipped = {start + 2.5 * HOUR} if jump > timedelta(0) else set()
    assert struck == [moment for moment in every if moment not in skipped]


@pytest.mark.long
@cases
def test_f11_reminder_comes_once_and_on_the_second(make_crm, database, clock, make_worker, start, jump):
    clock.travel(start)
    crm = make_crm("workspace", database=database, clock=clock, company=BERLIN)
    anna = People(crm).user("Anna", roles=["workspace.member"], time_zone="Europe/Berlin")
    worker = make_worker(crm)
    worker.run_until_idle()
    with crm.write(anna) as db:
        db.create(Task(title="Call back", due_at=start + 5 * HOUR, remind_before=60))
    play(worker, start + HOUR)
    clock.travel(clock.now() + jump)
    due = start + 4 * HOUR
    play(worker, due)
    for moment in around(due, jump):
        clock.travel(moment)
        worker.run_until_idle()

    with crm.system("look") as db:
        (told,) = db.find(Notification, 'kind == "reminder"')
    assert timedelta(0) <= told.created_at - due <= SECOND


@cases
def test_f11_stage_is_overdue_after_as_many_hours_as_it_expects(desk, clock, start, jump):
    clock.travel(start)
    with desk.system("test") as db:
        db.create(Ticket())
    clock.travel(start + 3 * HOUR + jump)
    for moment in around(start + DAY, jump):
        clock.travel(moment)
        with desk.system("look") as db:
            # Hours are hours: summer time and leap days neither add one nor take one away.
            assert db.count(Ticket, "overdue()") == (moment > start + DAY)


@days
def test_f11_durations_of_stages_are_what_the_clock_said_and_never_negative(desk, clock, start):
    clock.travel(start)
    with desk.system("test") as db:
        first, second = db.create_many([Ticket(), Ticket()])
    clock.travel(start + 7 * HOUR)
    with desk.system("test") as db:
        db.move(first, "known")
    clock.travel(start - HOUR)
    with desk.system("test") as db:
        second = db.move(second, "known")
        assert [visit.stage for visit in db.visits(second)] == ["new", "known"]
        (stay,) = cycle_times(db, Ticket).stages

    assert (stay.what, stay.count, stay.median) == ("new", 1, 7 * HOUR)


@cases
def test_f11_retention_takes_a_record_once_and_no_second_too_early(desk, clock, start, jump):
    clock.travel(start)
    with desk.system("test") as db:
        ticket = db.create(Ticket())
        db.create(RetentionRule(name="Old", entity="desk.ticket", days=2))
    clock.travel(start + HOUR + jump)
    done = {}
    for moment in around(start + 2 * DAY, jump):
        clock.travel(moment)
        (run,) = run_retention(lambda: desk.system("retention"))
        done[moment] = run.done

    assert {moment: number for moment, number in done.items() if number} == {start + 2 * DAY + SECOND: 1}
    with desk.system("look") as db:
        assert db.count(Ticket) == 0
        kinds = [entry.kind for entry in db.history(db.restore(Ticket, ticket.id))]
    assert kinds == ["create", "delete", "restore"]


@cases
def test_f11_approval_expires_on_the_second_and_is_used_once(desk, clock, start, jump):
    clock.travel(start)
    people = People(desk)
    anna, bo = (people.user(name, roles=["desk.agent"]) for name in ("Anna", "Bo"))
    with desk.write(anna) as db:
        used, expiring = (db.move(db.create(Ticket()), "known") for _each in range(2))
        requests = [request_approval(db, ticket, "done") for ticket in (used, expiring)]
    with desk.write(bo) as db:
        for request in requests:
            approve(db, request)
    clock.travel(start + HOUR + jump)
    with desk.write(anna) as db:
        used = db.move(db.move(used, "done"), "known")

    for moment in around(start + 5 * DAY, jump):
        clock.travel(moment)
        with desk.write(anna) as db:
            assert [state.status for state in approvals(db, used)] == ["used"]
            with pytest.raises(Refusal):
                db.move(used, "done")
            is_over = moment > start + 5 * DAY
            assert [state.status for state in approvals(db, expiring)] == ["expired" if is_over else "approved"]


@jumps
def test_f11_work_that_looks_abandoned_since_the_clock_jumped_takes_effect_once(
    make_crm, database, clock, make_worker, jump
):
    tries = []

    def work(context, _arguments):
        tries.append(context.attempt)
        if len(tries) == 1:
            # Its lease seems to be over long ago, or to last for another hour.
            clock.travel(clock.now() + jump)
            make_worker(crm, threads=1).run_until_idle()
        with context.finish() as db:
            db.create(Parcel(name="effect"))

    crm = make_crm(post(jobs=[Job("post.work", work)]), database=database, clock=clock)
    with crm.system("test") as db:
        db.enqueue("post.work")
    make_worker(crm, threads=1).run_until_idle()
    clock.advance(hours=3)
    make_worker(crm, threads=1).run_until_idle()

    with crm.system("look") as db:
        assert db.count(Parcel) == 1
