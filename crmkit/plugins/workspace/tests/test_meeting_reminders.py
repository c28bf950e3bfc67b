from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from crmkit import User
from crmkit.testing import both_databases

from .. import services
from ..entities import Meeting, MeetingException
from ..services.zones import earlier

REMINDER = "Reminder of Meeting “Plan”."


@pytest.fixture
def crm(make_crm, clock, database):
    return make_crm("workspace", clock=clock, database=database)


@pytest.fixture
def anna(people):
    return people.user("Anna", team=people.team("North"), roles=["workspace.member"], time_zone="Europe/Berlin")


@pytest.fixture
def bo(people):
    return people.user("Bo", team=people.team("South"), roles=["workspace.member"], time_zone="Asia/Shanghai")


@pytest.fixture(autouse=True)
def before_spring(crm, clock, worker):
    """Clocks in Berlin go forward on 29 March."""
    clock.travel(datetime(2026, 3, 27, 12, tzinfo=UTC))
    worker.run_until_idle()


@pytest.fixture
def reminded(crm, worker, clock):
    """How often somebody has been reminded at a moment."""

    def reminded(principal, moment=None):
        worker.run_until_idle()
        if moment is not None:
            clock.travel(moment)
            worker.run_until_idle()
        with crm.read(principal) as db:
            return services.wording(db, services.unread(db)).count(REMINDER)

    return reminded


@pytest.fixture
def meet(crm, anna, bo):
    """Make a meeting of Anna's to which Bo is invited."""

    def meet(starts_at, **more):
        with crm.write(anna) as db:
            given = {
                "starts_at": starts_at,
                "ends_at": starts_at and starts_at + timedelta(hours=1),
                "remind_before": 15,
            }
            meeting = db.create(Meeting(title="Plan", **(given | more)))
        with crm.system("test") as db:
            services.invite(db, meeting, db.get(User, bo.user_id))
            return db.get(Meeting, meeting.id)

    return meet


def at(day, hour, minute=0, month=3):
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@both_databases
def test_whoever_comes_is_reminded_once_before_the_meeting(anna, bo, meet, reminded):
    meet(at(28, 9))

    assert [reminded(who, at(28, 8, 40)) for who in (anna, bo)] == [0, 0]
    assert [reminded(who, at(28, 8, 45)) for who in (anna, bo)] == [1, 1]
    assert [reminded(who, at(28, 10)) for who in (anna, bo)] == [1, 1]


@both_databases
def test_who_has_declined_is_not_reminded(crm, anna, bo, meet, reminded):
    meeting = meet(at(28, 9))
    with crm.write(bo) as db:
        services.answer(db, meeting, "declined")

    assert [reminded(who, at(28, 8, 45)) for who in (anna, bo)] == [1, 0]


@both_databases
def test_reminder_moves_with_the_meeting(crm, anna, bo, meet, reminded):
    meeting = meet(at(28, 9))
    with crm.write(anna) as db:
        meeting = db.update(meeting, starts_at=at(28, 12), ends_at=at(28, 13))

    assert meeting.remind_at == at(28, 11, 45)
    assert reminded(bo, at(28, 9)) == 0
    assert reminded(bo, at(28, 11, 45)) == 1
    with crm.write(anna) as db:
        db.update(db.get(Meeting, meeting.id), starts_at=at(28, 15), ends_at=at(28, 16))
    assert reminded(bo, at(28, 14, 45)) == 2


@both_databases
def test_deleted_meeting_reminds_nobody(crm, anna, bo, meet, reminded):
    meeting = meet(at(28, 9))
    with crm.write(anna) as db:
        db.delete(meeting)

    assert reminded(bo, at(28, 9)) == 0


def test_meeting_that_comes_back_from_the_bin_reminds_of_what_is_still_to_come(crm, anna, bo, meet, reminded):
    meeting = meet(at(28, 9), recurrence="FREQ=DAILY;COUNT=5")
    with crm.write(anna) as db:
        db.delete(meeting)
    assert reminded(bo, at(29, 12)) == 0
    with crm.write(anna) as db:
        db.restore(Meeting, meeting.id)

    # Clocks went forward meanwhile.
    assert reminded(bo, at(30, 7, 44)) == 0
    assert reminded(bo, at(30, 7, 45)) == 1


@both_databases
def test_each_time_of_a_meeting_that_recurs_reminds_once_by_the_clock_of_its_zone(bo, meet, reminded):
    meet(at(27, 13), recurrence="FREQ=DAILY;COUNT=4")

    assert reminded(bo, at(27, 12, 45)) == 1
    assert reminded(bo, at(28, 12, 45)) == 2
    # Clocks went forward: 14:00 in Berlin is 12:00 in UTC from now on.
    assert reminded(bo, at(29, 11, 44)) == 2
    assert reminded(bo, at(29, 11, 45)) == 3
    assert reminded(bo, at(30, 11, 45)) == 4
    assert reminded(bo, at(31, 23)) == 4


@both_databases
def test_time_that_is_cancelled_or_moved_reminds_accordingly(crm, anna, bo, meet, reminded):
    meeting = meet(at(27, 13), recurrence="FREQ=DAILY;COUNT=3")
    with crm.write(anna) as db:
        services.cancel_one(db, meeting, at(27, 13))
        services.move_one(db, meeting, at(28, 13), at(28, 20), at(28, 21))

    assert reminded(bo, at(28, 13)) == 0
    assert reminded(bo, at(28, 19, 45)) == 1
    assert reminded(bo, at(29, 11, 45)) == 2
    assert reminded(bo, at(31, 12)) == 2


@pytest.mark.long
def test_cancelled_time_that_is_not_cancelled_any_more_reminds(crm, anna, bo, meet, reminded):
    meeting = meet(at(28, 13), recurrence="FREQ=DAILY;COUNT=2")
    with crm.write(anna) as db:
        exception = services.cancel_one(db, meeting, at(28, 13))
    assert reminded(bo) == 0
    with crm.write(anna) as db:
        db.delete(db.get(MeetingException, exception.id))

    assert reminded(bo, at(28, 12, 45)) == 1


def test_day_before_is_a_day_of_the_calendar(bo, meet, reminded):
    meet(None, ends_at=None, starts_on=date(2026, 3, 30), remind_before=24 * 60, time_zone="Europe/Berlin")

    # From midnight in summer to midnight in winter are 23 hours.
    assert reminded(bo, at(28, 22, 59)) == 0
    assert reminded(bo, at(28, 23)) == 1


def test_nobody_is_reminded_late_of_what_is_over(bo, meet, reminded):
    meet(at(28, 9), recurrence="FREQ=DAILY;COUNT=3")

    assert reminded(bo, at(29, 9)) == 0
    assert reminded(bo, at(30, 7, 45)) == 1


def test_meeting_that_missed_its_reminders_for_weeks_reminds_again(bo, meet, reminded):
    meet(at(28, 9), recurrence="FREQ=DAILY;COUNT=60")

    assert reminded(bo, at(20, 12, month=4)) == 0
    assert reminded(bo, at(21, 7, 45, month=4)) == 1


def test_who_wants_no_reminders_gets_none(crm, bo, meet, reminded):
    meet(at(28, 9))
    with crm.write(bo) as db:
        services.prefer(db, "reminder", False)

    assert reminded(bo, at(28, 9)) == 0


RULES = ["FREQ=DAILY", "FREQ=DAILY;INTERVAL=3;COUNT=9", "FREQ=WEEKLY", "FREQ=MONTHLY;COUNT=12", None]


@given(
    rule=st.sampled_from(RULES),
    before=st.sampled_from([0, 15, 24 * 60, 3 * 24 * 60 + 30]),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "UTC", "Australia/Lord_Howe"]),
    after=st.integers(0, 300),
    cancelled=st.sets(st.integers(0, 30), max_size=4),
    moved=st.dictionaries(st.integers(0, 30), st.integers(-50, 50), max_size=3),
)
def test_next_reminder_is_the_first_of_all_that_are_to_come(rule, before, zone, after, cancelled, moved):
    start, moment = datetime(2026, 1, 5, 8, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=after)
    hour = timedelta(hours=1)
    meeting = Meeting(
        title="X", starts_at=start, ends_at=start + hour, recurrence=rule, time_zone=zone, remind_before=before
    )
    times = list(services.occurrences(start, rule, ZoneInfo(zone), datetime(2027, 6, 1, tzinfo=UTC)))
    exceptions = [
        MeetingException(
            meeting_id=meeting.id,
            original_at=times[place],
            is_cancelled=place in cancelled,
            starts_at=None if place in cancelled else times[place] + timedelta(hours=moved[place]),
            ends_at=None if place in cancelled else times[place] + timedelta(hours=moved[place]) + hour,
        )
        for place in sorted(cancelled | moved.keys())
        if place < len(times)
    ]
    entries = services.occurrences_of(meeting, exceptions, datetime(2027, 6, 1, tzinfo=UTC))
    all_moments = [earlier(entry.starts_at, before, ZoneInfo(zone)) for entry in entries]

    expected = min((each for each in all_moments if each > moment), default=None)
    assert services.next_reminder(meeting, exceptions, moment) == expected
