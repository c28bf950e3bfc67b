"""Schedules: by the clock and by times in records; nothing twice, nothing lost, whatever the clock does."""

from datetime import UTC, date, datetime, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest

from crmkit import Company, DeclarationError, DueRecord, Job, PluginError, RecordSchedule, Schedule, Worker
from crmkit.testing import both_databases, play
from tests.core.jobs.watching import Parcel, Weigh, post, rows, weighing

BERLIN = Company(time_zone="Europe/Berlin")
HOUR = timedelta(hours=1)


@pytest.fixture
def times(clock):
    return []


@pytest.fixture
def noting_times(clock, times):
    return Job("post.tick", lambda _context, _arguments: times.append(clock.now()))


@both_databases
def test_schedule_enqueues_its_job_whenever_cron_says(make_crm, database, clock, diary, make_worker):
    weigh = Schedule("post.hourly", "0 * * * *", "post.weigh", Weigh("all"))
    crm = make_crm(post(jobs=[weighing(diary)], schedules=[weigh]), database=database, clock=clock)
    clock.travel(datetime(2026, 3, 2, 12, 10, tzinfo=UTC))
    play(make_worker(crm), 3 * HOUR)
    assert diary["post.weigh"] == [Weigh("all")] * 3


@pytest.mark.parametrize(
    ("day", "struck"),
    [
        # 02:30 does not exist on 29 March; it comes twice on 25 October.
        (date(2026, 3, 28), ["28 02:30", "29 03:00", "30 02:30"]),
        (date(2026, 10, 24), ["24 02:30", "25 02:30", "26 02:30"]),
        (date(2028, 2, 28), ["28 02:30", "29 02:30", "01 02:30"]),
    ],
)
def test_days_on_which_the_clock_is_changed_and_leap_days_count_once(
    make_crm, clock, make_worker, times, noting_times, day, struck
):
    nightly = Schedule("post.nightly", "30 2 * * *", "post.tick")
    crm = make_crm(post(jobs=[noting_times], schedules=[nightly]), clock=clock, company=BERLIN)
    zone = ZoneInfo("Europe/Berlin")
    clock.travel(datetime(day.year, day.month, day.day, 1, tzinfo=zone))
    play(make_worker(crm), timedelta(days=2, hours=6))
    assert [f"{at.astimezone(zone):%d %H:%M}" for at in times] == struck


@both_databases
@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_f11_clock_that_jumps_strikes_nothing_twice(make_crm, database, clock, make_worker, times, noting_times, jump):
    quarterly = Schedule("post.quarterly", "*/15 * * * *", "post.tick")
    crm = make_crm(post(jobs=[noting_times], schedules=[quarterly]), database=database, clock=clock)
    worker, start = make_worker(crm), clock.now()
    play(worker, start + HOUR)
    assert len(times) == 4
    clock.travel(clock.now() + jump)
    play(worker, start + HOUR + jump)
    play(worker, start + 3 * HOUR)
    # What a jump ahead leaves out is made up for once; what a jump back repeats is not done again.
    assert len(times) == (12 - 3 if jump > timedelta(0) else 12)
    keys = [row.key for row in rows(crm)]
    assert len(set(keys)) == len(keys)


@both_databases
def test_what_is_missed_while_no_worker_runs_is_made_up_for_once(
    make_crm, database, clock, make_worker, times, noting_times
):
    hourly = Schedule("post.hourly", "0 * * * *", "post.tick")
    crm = make_crm(post(jobs=[noting_times], schedules=[hourly]), database=database, clock=clock)
    make_worker(crm).run_until_idle()
    clock.advance(days=2, minutes=30)
    later = make_worker(crm)
    later.run_until_idle()
    assert len(times) == 1
    assert later.next_due() == clock.now() + timedelta(minutes=30)


@both_databases
def test_schedule_that_a_new_version_changes_is_reckoned_anew(make_crm, database, clock, make_worker, noting_times):
    due = []
    crm = None
    for cron in ("0 * * * *", "0 0 * * *"):
        made = make_crm(
            post(jobs=[noting_times], schedules=[Schedule("post.tick", cron, "post.tick")]),
            database=database,
            clock=clock,
        )
        crm, used = (made, made) if crm is None else (crm, made.sibling(crm.config.database.url))
        worker = make_worker(used)
        worker.run_until_idle()
        due.append(worker.next_due())
        used.close()
    assert due == [datetime(2026, 3, 2, 13, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC)]


def test_history_of_two_hours_takes_less_than_a_second(make_crm, clock, make_worker, times, noting_times):
    minutely = Schedule("post.minutely", "* * * * *", "post.tick")
    crm = make_crm(post(jobs=[noting_times], schedules=[minutely]), clock=clock)
    worker = make_worker(crm)
    begun = perf_counter()
    play(worker, 2 * HOUR)
    assert len(times) == 120
    # A bound for a machine that is busy with something else; it takes a fraction of it.
    assert perf_counter() - begun < 10


# Times in records.


@pytest.fixture
def due_crm(make_crm, database, clock, diary):
    reminder = RecordSchedule(
        "post.remind", "post.parcel", "send_at", "post.weigh", where='stage == "packed"', offset=timedelta(minutes=-15)
    )
    job = Job("post.weigh", diary.note, DueRecord)
    return make_crm(post(jobs=[job], schedules=[reminder]), database=database, clock=clock)


@pytest.mark.long
@both_databases
def test_record_is_due_once_for_each_value_of_its_time(due_crm, clock, diary, make_worker):
    worker, start = make_worker(due_crm), clock.now()
    worker.run_until_idle()
    with due_crm.system("test") as db:
        parcel = db.create(Parcel(name="a", send_at=start + 2 * HOUR))
        db.create_many([Parcel(name="no time"), Parcel(name="long ago", send_at=start - HOUR)])
        gone = db.create(Parcel(name="sent", send_at=start + 2 * HOUR))
        db.move(gone, "sent")
    play(worker, start + HOUR)
    assert diary.entries == []
    play(worker, start + 3 * HOUR)
    assert diary["post.weigh"] == [DueRecord("post.parcel", parcel.id, start + 2 * HOUR - timedelta(minutes=15))]

    with due_crm.system("test") as db:
        parcel = db.update(db.get(Parcel, parcel.id), send_at=start + 5 * HOUR)
    play(worker, start + 6 * HOUR)
    with due_crm.system("test") as db:
        db.update(db.get(Parcel, parcel.id), send_at=start + 2 * HOUR)
    play(worker, start + 8 * HOUR)
    assert [due.due_at for due in diary["post.weigh"]] == [
        start + 2 * HOUR - timedelta(minutes=15),
        start + 5 * HOUR - timedelta(minutes=15),
    ]


@pytest.mark.long
@both_databases
@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_f11_record_is_due_once_and_on_the_second_though_the_clock_jumps(
    due_crm, clock, diary, make_worker, jump, times
):
    worker, start = make_worker(due_crm), clock.now()
    worker.run_until_idle()
    with due_crm.system("test") as db:
        db.create(Parcel(name="a", send_at=start + 3 * HOUR))
    play(worker, start + HOUR)
    clock.travel(clock.now() + jump)
    worker.run_until_idle()
    due_at = start + 3 * HOUR - timedelta(minutes=15)
    play(worker, due_at - timedelta(seconds=1))
    assert diary.entries == []
    play(worker, due_at)
    assert len(diary.entries) == 1
    clock.travel(clock.now() - HOUR)
    play(worker, due_at + HOUR)
    assert len(diary.entries) == 1


@pytest.mark.long
@both_databases
def test_date_is_due_at_midnight_of_the_company(make_crm, database, clock, diary, make_worker):
    schedule = RecordSchedule("post.today", "post.parcel", "send_on", "post.weigh")
    job = Job("post.weigh", diary.note, DueRecord)
    crm = make_crm(post(jobs=[job], schedules=[schedule]), database=database, clock=clock, company=BERLIN)
    worker = make_worker(crm)
    worker.run_until_idle()
    with crm.system("test") as db:
        db.create_many([Parcel(name=str(day), send_on=date(2026, 3, day)) for day in (1, 2, 3, 4)])
    play(worker, datetime(2026, 3, 3, 12, tzinfo=UTC))
    (due,) = diary["post.weigh"]
    assert due.due_at == datetime(2026, 3, 2, 23, tzinfo=UTC)


def test_many_records_are_due_at_once(due_crm, clock, diary, make_worker):
    worker, start = make_worker(due_crm), clock.now()
    worker.run_until_idle()
    with due_crm.system("test") as db:
        db.create_many([Parcel(name=str(place), send_at=start + HOUR) for place in range(1500)])
    play(worker, start + HOUR)
    assert len({due.record_id for due in diary["post.weigh"]}) == 1500 == len(diary.entries)


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (Schedule("post.s", "0 * * * *", "post.fly"), "there is no job 'post.fly'"),
        (Schedule("post.s", "0 * * * *", "post.weigh"), "the job post.weigh takes Weigh"),
        (RecordSchedule("post.s", "post.letter", "send_at", "post.weigh"), "there is no entity 'post.letter'"),
        (RecordSchedule("post.s", "post.parcel", "name", "post.weigh"), "is no field with a date or a time"),
        (RecordSchedule("post.s", "post.parcel", "send_at", "post.weigh"), "the job post.weigh takes DueRecord"),
        (RecordSchedule("post.s", "post.parcel", "send_at", "post.weigh", where="colour == 1"), "colour"),
    ],
)
def test_schedule_of_what_is_not_there_is_refused(make_crm, diary, schedule, message):
    with pytest.raises(PluginError, match=message):
        make_crm(post(jobs=[weighing(diary)], schedules=[schedule]))


@pytest.mark.parametrize("cron", ["", "every day", "61 * * * *", "* * * *"])
def test_what_cron_does_not_understand_is_refused(cron):
    with pytest.raises(DeclarationError, match="is no time of cron"):
        Schedule("post.s", cron, "post.weigh")


def test_worker_without_schedules_has_nothing_due(make_crm):
    worker = Worker(make_crm(post()))
    assert worker.next_due() is None
    worker.close()
