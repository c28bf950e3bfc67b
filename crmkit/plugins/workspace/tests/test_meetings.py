from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given, strategies as st

from crmkit import (
    ForbiddenError,
    NotFoundError,
    Owned,
    Target,
    User,
    WriteRefusedError,
    entity,
    field,
    translator,
)
from crmkit.testing import both_databases, plugin

from .. import services
from ..entities import Attendance, Meeting, MeetingException, Task

_ = translator("tests")
BERLIN = ZoneInfo("Europe/Berlin")


@entity("ranch.horse", label=_("Horse"))
class Horse(Owned):
    name: str = field()


@pytest.fixture
def crm(make_crm, clock, database):
    return make_crm("workspace", plugin("ranch", entities=[Horse]), clock=clock, database=database)


@pytest.fixture
def anna(people):
    roles = ["workspace.member", "ranch.everything"]
    return people.user("Anna", team=people.team("North"), roles=roles, time_zone="Europe/Berlin")


@pytest.fixture
def eve(people):
    return people.user("Eve", team="South", roles=["workspace.member"], time_zone="Asia/Shanghai")


def at(month, day, hour=0, minute=0):
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def make(crm, principal, **more):
    with crm.write(principal) as db:
        return db.create(Meeting(**{"title": "Plan", "starts_at": at(3, 23, 9), "ends_at": at(3, 23, 10)} | more))


def shown(crm, principal, start, end):
    with crm.read(principal) as db:
        return [(each.record.title, each.starts_at, each.ends_at) for each in services.calendar(db, start, end)]


def starts(crm, principal, start=None, end=None):
    return [begins for _title, begins, _ends in shown(crm, principal, start or at(1, 1), end or at(12, 31))]


def user(crm, principal):
    with crm.read(principal) as db:
        return db.get(User, principal.user_id)


# Times.


@both_databases
def test_meeting_of_days_lasts_from_midnight_to_midnight_of_its_zone(crm, anna):
    meeting = make(crm, anna, starts_at=None, ends_at=None, starts_on=date(2026, 3, 28), ends_on=date(2026, 3, 29))

    assert (meeting.starts_at, meeting.ends_at, meeting.last_at) == (at(3, 27, 23), at(3, 29, 22), at(3, 29, 22))
    with crm.write(anna) as db:
        meeting = db.update(meeting, starts_at=at(3, 28, 9), ends_at=at(3, 28, 10))
    assert (meeting.starts_on, meeting.ends_on, meeting.last_at) == (None, None, at(3, 28, 10))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"starts_at": None}, "has a start and an end"),
        ({"ends_at": at(3, 23, 8)}, "ends after it starts"),
        ({"starts_on": date(2026, 3, 2), "ends_on": date(2026, 2, 2)}, "ends after it starts"),
        ({"recurrence": "nonsense"}, "no rule of RFC 5545"),
        ({"recurrence": "FREQ=WEEKLY;FREQ=DAILY"}, "no rule of RFC 5545"),
        ({"recurrence": "FREQ=SECONDLY"}, "does not say FREQ"),
        ({"recurrence": "FREQ=DAILY;INTERVAL=0"}, "from 1 to 1000"),
        ({"recurrence": "FREQ=DAILY;COUNT=999999"}, "from 1 to 1000"),
        ({"recurrence": "FREQ=DAILY;BYHOUR=1,2,3"}, "no rule of RFC 5545"),
        ({"recurrence": "FREQ=DAILY;COUNT=2;UNTIL=20260401"}, "goes without COUNT"),
        ({"recurrence": "FREQ=DAILY;UNTIL=20260401T100000"}, "is a day such as"),
        ({"recurrence": "FREQ=DAILY;UNTIL=20261399"}, "no rule of RFC 5545"),
        ({"recurrence": "FREQ=WEEKLY;BYDAY=XX"}, "not on one of its days"),
        ({"recurrence": "FREQ=WEEKLY;BYDAY=TU"}, "not on one of its days"),
        ({"recurrence": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31"}, "not on one of its days"),
        ({"recurrence": "FREQ=DAILY;BYMONTHDAY=x"}, "no rule of RFC 5545"),
        ({"recurrence": "FREQ=DAILY;BYDAY=MO;BYSETPOS=2"}, "days recur by BYDAY"),
        ({"recurrence": "FREQ=WEEKLY;BYMONTHDAY=31"}, "weeks by BYDAY"),
        ({"recurrence": "FREQ=YEARLY;BYDAY=MO;BYSETPOS=300"}, "not on one of its days"),
        ({"recurrence": "FREQ=DAILY;UNTIL=20200101"}, "not on one of its days"),
    ],
)
def test_meeting_that_could_not_take_place_is_refused(crm, anna, wrong, message):
    with pytest.raises(WriteRefusedError, match=message):
        make(crm, anna, **wrong)
    assert starts(crm, anna) == []


@both_databases
def test_recurring_meeting_keeps_its_time_of_day_when_clocks_change(crm, anna):
    meeting = make(crm, anna, recurrence=" rrule:freq=weekly; count=3 ")

    assert meeting.recurrence == "FREQ=WEEKLY;COUNT=3"
    assert starts(crm, anna) == [at(3, 23, 9), at(3, 30, 8), at(4, 6, 8)]
    assert meeting.last_at == at(4, 6, 9)


def test_day_with_a_change_of_clocks_is_a_whole_day(crm, anna):
    make(crm, anna, starts_at=None, ends_at=None, starts_on=date(2026, 3, 28), recurrence="FREQ=DAILY;UNTIL=20260330")

    assert [ends - begins for _title, begins, ends in shown(crm, anna, at(3, 1), at(4, 30))] == [
        timedelta(hours=hours) for hours in (24, 23, 24)
    ]


def test_meeting_without_an_end_goes_on(crm, anna):
    make(crm, anna, recurrence="FREQ=DAILY;INTERVAL=2")
    later = datetime(2040, 1, 1, tzinfo=UTC)

    assert len(starts(crm, anna, later, later + timedelta(days=10))) == 5
    assert starts(crm, anna, later + timedelta(days=3650), later + timedelta(days=3660)) == []


@pytest.mark.long
@given(
    st.dates(date(2025, 1, 1), date(2027, 12, 31)),
    st.integers(0, 23),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe"]),
    st.integers(1, 4),
    st.sets(st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"])),
)
def test_weekly_meetings_are_those_that_counting_days_finds(day, hour, name, interval, also):
    zone = ZoneInfo(name)
    codes = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
    days = sorted({codes[day.weekday()], *also}, key=codes.index)
    start = datetime(day.year, day.month, day.day, hour, tzinfo=zone).astimezone(UTC)
    if start.astimezone(zone).hour != hour:
        return  # The clock skips it.
    monday = day - timedelta(days=day.weekday())
    counted = [
        datetime(each.year, each.month, each.day, hour, tzinfo=zone).astimezone(UTC)
        for n in range(200)
        if (each := day + timedelta(days=n))
        and codes[each.weekday()] in days
        and (each - monday).days // 7 % interval == 0
    ]
    end = start + timedelta(days=150)
    rule = f"FREQ=WEEKLY;INTERVAL={interval};BYDAY={','.join(days)}"

    assert list(services.occurrences(start, rule, zone, end)) == [each for each in counted if each < end]


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=MONTHLY;BYDAY=4MO;COUNT=3", [(3, 23), (4, 27), (5, 25)]),
        ("FREQ=MONTHLY;BYMONTHDAY=-9;COUNT=3", [(3, 23), (4, 22), (5, 23)]),
        ("FREQ=DAILY;BYDAY=MO,SU;COUNT=3", [(3, 23), (3, 29), (3, 30)]),
        ("FREQ=YEARLY;UNTIL=20260323", [(3, 23)]),
        ("FREQ=DAILY;UNTIL=20260324T080000Z", [(3, 23)]),
    ],
)
def test_rules_are_those_of_rfc_5545(rule, days):
    start = at(3, 23, 9)
    found = services.occurrences(start, rule, BERLIN, start + timedelta(days=700))

    assert [(each.month, each.day) for each in found] == days


# Exceptions.


@both_databases
def test_one_of_recurring_meetings_is_cancelled_or_moved(crm, anna):
    meeting = make(crm, anna, recurrence="FREQ=DAILY;COUNT=3")
    with crm.write(anna) as db:
        services.cancel_one(db, meeting, at(3, 23, 9))
        services.move_one(db, meeting, at(3, 24, 9), at(6, 1, 9), at(6, 1, 10))

    assert starts(crm, anna) == [at(3, 25, 9), at(6, 1, 9)]
    assert starts(crm, anna, at(6, 1), at(6, 2)) == [at(6, 1, 9)]
    with crm.write(anna) as db:
        services.move_one(db, meeting, at(3, 23, 9), at(3, 23, 15), at(3, 23, 16))
        with pytest.raises(WriteRefusedError, match="ends after"), db.attempt():
            services.move_one(db, meeting, at(3, 25, 9), at(3, 23, 15), at(3, 23, 14))
    assert starts(crm, anna) == [at(3, 23, 15), at(3, 25, 9), at(6, 1, 9)]


def test_exceptions_are_the_owners_to_make(crm, anna, eve):
    meeting = make(crm, anna, recurrence="FREQ=DAILY;COUNT=3")
    with crm.write(anna) as db:
        services.invite(db, meeting, user(crm, eve))
    with pytest.raises(ForbiddenError), crm.write(eve) as db:
        services.cancel_one(db, meeting, at(3, 23, 9))


# Who sees what.


@both_databases
def test_meeting_is_seen_by_the_team_and_a_private_one_by_those_invited(crm, anna, eve, people):
    bo = people.user("Bo", team="North", roles=["workspace.member"])
    chief = people.user("Chief", roles=["workspace.manager"])
    make(crm, anna, title="open")
    private = make(crm, anna, title="private", is_private=True)

    def titles(principal):
        return [title for title, *_times in shown(crm, principal, at(3, 1), at(4, 1))]

    assert sorted(titles(anna)) == ["open", "private"]
    assert (titles(bo), titles(chief), titles(eve)) == (["open"], ["open"], [])
    with crm.write(anna) as db:
        services.invite(db, private, user(crm, eve))
    assert titles(eve) == ["private"]
    with crm.write(anna) as db:
        services.disinvite(db, private, user(crm, eve))
    assert titles(eve) == []


def test_meeting_is_shown_with_what_it_is_about_to_those_who_see_that(crm, anna, eve):
    with crm.write(anna) as db:
        horse = db.create(Horse(name="Blaze"))
    meeting, over = make(crm, anna, starts_at=at(4, 1), ends_at=at(4, 2)), make(crm, anna, ends_at=at(3, 23, 9))
    with crm.write(anna) as db:
        services.invite(db, meeting, user(crm, eve))
        [subject] = services.discuss(db, meeting, horse)
        assert services.discuss(db, meeting, horse) == [subject]
    with crm.read(anna) as db:
        [section] = [each for each in db.sections(horse) if each.section.id == "workspace.meetings"]

    assert section.records == [subject]
    assert over.last_at == at(3, 23, 9)
    with crm.read(eve) as db:
        assert db.get(Meeting, meeting.id).title == "Plan"
        assert services.subjects_of(db, meeting) == []


@both_databases
def test_who_is_invited_is_told_and_answers_for_themselves(crm, anna, eve, worker):
    meeting = make(crm, anna)
    with crm.write(anna) as db:
        horse = db.create(Horse(name="Blaze"))
        mine, theirs, ours = services.invite(db, meeting, user(crm, anna), user(crm, eve), horse)
        assert services.invite(db, meeting, horse) == [ours]
    worker.run_until_idle()
    with crm.write(eve) as db:
        assert services.wording(db, services.unread(db)) == ["Anna has invited you to Meeting “Plan”."]
        assert services.answer(db, meeting, "accepted").answer == "accepted"
        with pytest.raises(ForbiddenError), db.attempt():
            db.update(db.get(Attendance, mine.id), answer="declined")
        with pytest.raises(WriteRefusedError, match="stays one of the same person"), db.attempt():
            db.update(db.get(Attendance, theirs.id), attendee=Target("core.user", anna.user_id))
        assert [each.attendee.entity for each in services.attendees_of(db, meeting)] == ["core.user", "core.user"]
    other = make(crm, anna, title="Other")
    with crm.write(anna) as db, pytest.raises(NotFoundError):
        services.answer(db, other, "accepted")


def test_deleted_meeting_takes_its_invitations_and_exceptions_along(crm, anna, eve):
    meeting = make(crm, anna, recurrence="FREQ=DAILY;COUNT=3")
    with crm.write(anna) as db:
        services.invite(db, meeting, user(crm, eve))
        services.cancel_one(db, meeting, at(3, 24, 9))
        db.delete(db.get(Meeting, meeting.id))
        assert (db.count(Attendance), db.count(MeetingException)) == (0, 0)
    assert starts(crm, eve) == []


# The calendar.


@both_databases
def test_calendar_has_tasks_on_the_days_of_its_reader(crm, anna, eve):
    with crm.write(anna) as db:
        db.create(Task(title="day", due_on=date(2026, 3, 24), owner_id=eve.user_id))
        db.create(Task(title="time", due_at=at(3, 24, 12), owner_id=eve.user_id))
        db.create(Task(title="some day", owner_id=eve.user_id))

    assert shown(crm, eve, at(3, 1), at(4, 1)) == [
        ("day", at(3, 23, 16), at(3, 24, 16)),
        ("time", at(3, 24, 12), at(3, 24, 12)),
    ]
    assert [title for title, *_t in shown(crm, eve, at(3, 24, 12), at(3, 24, 13))] == ["day", "time"]
    assert shown(crm, eve, at(3, 24, 16), at(3, 25)) == []


@both_databases
def test_calendar_costs_the_same_for_few_and_for_many(crm, anna):
    seen = []

    def see(_connection, _cursor, statement, *_rest):
        seen.append(statement)

    def cost():
        with crm.read(anna) as db:
            services.calendar(db, at(3, 1), at(4, 1))
            seen.clear()
            return len(services.calendar(db, at(3, 1), at(4, 1))), len(seen)

    def fill():
        times = {"starts_at": at(3, 23, 9), "ends_at": at(3, 23, 10)}
        with crm.write(anna) as db:
            plain, again = (
                db.create_many([Meeting(title="Plan", recurrence=rule, **times) for _n in range(5)])
                for rule in (None, "FREQ=DAILY;COUNT=3")
            )
            db.create_many([Task(title="Feed", due_on=date(2026, 3, 24)) for _n in plain])
            for each in again:
                services.move_one(db, each, at(3, 24, 9), at(3, 24, 15), at(3, 24, 16))

    sa.event.listen(sa.Engine, "before_cursor_execute", see)
    try:
        fill()
        few = cost()
        fill()
        fill()
        many = cost()
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", see)
    assert (few, many) == ((25, many[1]), (75, few[1]))
    assert few[1] <= 5


@both_databases
def test_conflicts_are_meetings_of_those_asked_about_that_overlap(crm, anna, eve):
    meeting = make(crm, anna)
    with crm.write(anna) as db:
        services.invite(db, meeting, user(crm, eve))

    def found(start, end, *people, **more):
        with crm.read(anna) as db:
            return services.conflicts(db, start, end, [each.user_id for each in people], **more)

    assert [each.record for each in found(at(3, 23, 9, 59), at(3, 23, 11), eve)] == [meeting]
    assert found(at(3, 23, 10), at(3, 23, 11), anna, eve) == []
    assert found(at(3, 23, 8), at(3, 23, 9), anna, eve) == []
    assert found(at(3, 23, 9), at(3, 23, 10), anna, besides=meeting) == []
    with crm.write(eve) as db:
        services.answer(db, meeting, "declined")
    assert found(at(3, 23, 9), at(3, 23, 10), eve) == []


def test_private_meetings_of_others_are_no_conflict(crm, anna, people):
    planner = people.user("Planner", roles=["workspace.manager"])
    make(crm, anna, is_private=True)
    with crm.read(planner) as db:
        assert services.conflicts(db, at(3, 23, 9), at(3, 23, 10), [anna.user_id]) == []
