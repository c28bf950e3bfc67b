from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from icalendar import Calendar

from crmkit import User
from crmkit.testing import both_databases

from .. import services
from ..entities import Attendance, Meeting, MeetingException, Task
from ..services import CalendarFileError

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
def crm(make_crm, clock, database):
    return make_crm("workspace", clock=clock, database=database)


@pytest.fixture
def anna(people):
    return people.user("Anna", team=people.team("North"), roles=["workspace.member"], time_zone="Europe/Berlin")


@pytest.fixture
def eve(people):
    return people.user("Eve", team="North", roles=["workspace.manager"], time_zone="Asia/Shanghai")


def at(month, day, hour=0, minute=0):
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def exported(crm, who, start=START, end=END):
    with crm.read(who) as db:
        return services.export_calendar(db, start, end)


def imported(crm, who, data):
    done = services.import_calendar(partial(crm.write, who), data)
    return (done.made, done.updated, done.cancelled, done.unchanged, [each.reason for each in done.refused])


def ical(*lines):
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//x//EN", *lines, "END:VCALENDAR", ""]).encode()


def event(*lines, uid="1@example.org", title="Plan"):
    return ["BEGIN:VEVENT", f"UID:{uid}", f"SUMMARY:{title}", *lines, "END:VEVENT"]


def meetings(crm, who):
    with crm.read(who) as db:
        return db.find(Meeting, order_by="id")


def times(crm, who):
    with crm.read(who) as db:
        return [(entry.starts_at, entry.ends_at) for entry in services.meetings_between(db, START, END)]


@both_databases
def test_calendar_goes_out_and_comes_back_the_same(crm, anna, eve):
    with crm.write(anna) as db:
        weekly = db.create(
            Meeting(
                title="Ärger; mit, Kommas\\n",
                description="Zeile\nZeile",
                place="Köln",
                starts_at=at(3, 23, 9),
                ends_at=at(3, 23, 10),
                recurrence="FREQ=WEEKLY;BYDAY=MO;UNTIL=20260420",
                remind_before=15,
                is_private=True,
            )
        )
        services.cancel_one(db, weekly, at(3, 30, 8))
        services.move_one(db, weekly, at(4, 6, 8), at(4, 7, 12), at(4, 7, 13))
        db.create(Meeting(title="Fair", starts_on=date(2026, 5, 4), ends_on=date(2026, 5, 6)))
        task = {
            "title": "Call",
            "due_at": at(6, 1, 12),
            "progress": Decimal(40),
            "priority": "high",
            "remind_before": 5,
        }
        db.create(Task(**task))
        db.create(Task(title="Write", due_on=date(2026, 6, 2), is_done=True))
        db.create(Task(title="One day"))
    written = exported(crm, anna)

    assert imported(crm, anna, written) == (0, 0, 0, 5, [])
    # Elsewhere it is made anew: what somebody else has is not theirs.
    assert imported(crm, eve, written.replace(b"@crmkit", b"@elsewhere")) == (5, 0, 0, 0, [])
    assert imported(crm, eve, written.replace(b"@crmkit", b"@elsewhere")) == (0, 0, 0, 5, [])
    hers = exported(crm, eve)
    for line in (
        b"RRULE:FREQ=WEEKLY;UNTIL=20260420T215959Z;BYDAY=MO",
        b"EXDATE;TZID=Europe/Berlin:20260330T100000",
        b"CLASS:PRIVATE",
    ):
        assert line in written
        assert line in hers
    assert [entry.starts_at for entry in entries(crm, eve)] == [entry.starts_at for entry in entries(crm, anna)]


def entries(crm, who):
    with crm.read(who) as db:
        found = services.meetings_between(db, START, END)
        # Days are days wherever one is.
        return [each for each in found if each.record.owner_id == who.user_id and not each.is_all_day]


@both_databases
def test_only_ones_own_calendar_goes_out_and_those_of_invitations(crm, anna, eve):
    with crm.write(eve) as db:
        times = {"starts_at": at(3, 23, 9), "ends_at": at(3, 23, 10)}
        shown = db.create(Meeting(title="Shown", **times))
        db.create(Meeting(title="Hidden", is_private=True, **times))
        db.create(Meeting(title="Open", **times))
        db.create(Task(title="Hers"))
    with crm.system("test") as db:
        services.invite(db, db.get(Meeting, shown.id), db.get(User, anna.user_id))
    titles = [str(each["SUMMARY"]) for each in Calendar.from_ical(exported(crm, anna)).walk() if "SUMMARY" in each]

    assert titles == ["Shown"]


def test_file_is_understood_by_others(crm, anna):
    with crm.write(anna) as db:
        db.create(Meeting(title="Plan", starts_at=at(3, 23, 9), ends_at=at(3, 23, 10), recurrence="FREQ=DAILY;COUNT=9"))
    calendar = Calendar.from_ical(exported(crm, anna))

    assert [each["TZID"] for each in calendar.walk("VTIMEZONE")] == ["Europe/Berlin"]
    (found,) = calendar.walk("VEVENT")
    assert not found.errors
    assert found["DTSTART"].dt.isoformat() == "2026-03-23T10:00:00+01:00"
    assert {"UID", "DTSTAMP", "SEQUENCE"} <= set(found)


@both_databases
def test_update_counts_by_its_revision(crm, anna):
    first = event("DTSTART:20260323T090000Z", "DTEND:20260323T100000Z", "SEQUENCE:2")
    second = event("DTSTART:20260324T090000Z", "DTEND:20260324T100000Z", "SEQUENCE:3", title="Later")

    assert imported(crm, anna, ical(*first)) == (1, 0, 0, 0, [])
    assert imported(crm, anna, ical(*second)) == (0, 1, 0, 0, [])
    assert imported(crm, anna, ical(*first)) == (0, 0, 0, 1, [])
    (meeting,) = meetings(crm, anna)
    assert (meeting.title, meeting.starts_at, meeting.sequence) == ("Later", at(3, 24, 9), 3)
    with crm.write(anna) as db:
        assert db.update(meeting, starts_at=at(3, 25, 9), ends_at=at(3, 25, 10)).sequence == 4
    assert imported(crm, anna, ical(*second)) == (0, 0, 0, 1, [])


def test_calendar_that_never_counts_its_revisions_is_followed_all_the_same(crm, anna):
    for day in (23, 24, 25):
        lines = (f"DTSTART:202603{day}T090000Z", f"DTEND:202603{day}T100000Z")
        assert imported(crm, anna, ical(*event(*lines)))[:2] == ((1, 0) if day == 23 else (0, 1))

    (meeting,) = meetings(crm, anna)
    assert (meeting.starts_at, meeting.sequence) == (at(3, 25, 9), 0)


CANCELLED = [
    ical("METHOD:CANCEL", *event("DTSTART:20260323T090000Z", "SEQUENCE:1")),
    ical(*event("DTSTART:20260323T090000Z", "STATUS:CANCELLED", "SEQUENCE:1")),
]


@both_databases
@pytest.mark.parametrize("cancelled", CANCELLED)
def test_cancelled_meeting_goes_into_the_bin_and_stays_there(crm, anna, cancelled):
    plain = event("DTSTART:20260323T090000Z", "DTEND:20260323T100000Z")
    assert imported(crm, anna, cancelled) == (0, 0, 0, 1, [])
    imported(crm, anna, ical(*plain))

    assert imported(crm, anna, cancelled) == (0, 0, 1, 0, [])
    assert meetings(crm, anna) == []
    assert imported(crm, anna, ical(*plain)) == (0, 0, 0, 1, [])
    again = event("DTSTART:20260323T090000Z", "DTEND:20260323T100000Z", "SEQUENCE:5")
    assert imported(crm, anna, ical(*again)) == (0, 1, 0, 0, [])
    assert len(meetings(crm, anna)) == 1


@both_databases
def test_one_time_of_a_series_is_moved_and_another_cancelled(crm, anna):
    series = event("DTSTART;TZID=Europe/Berlin:20260323T100000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=3")
    imported(crm, anna, ical(*series))
    moved = event("RECURRENCE-ID;TZID=Europe/Berlin:20260330T100000", "DTSTART:20260331T120000Z", "DURATION:PT2H")
    gone = event("RECURRENCE-ID;TZID=Europe/Berlin:20260406T100000", "DTSTART:20260406T080000Z", "STATUS:CANCELLED")

    assert imported(crm, anna, ical(*series, *moved, *gone)) == (0, 1, 0, 0, [])
    assert imported(crm, anna, ical(*series, *moved, *gone)) == (0, 0, 0, 1, [])
    assert times(crm, anna) == [(at(3, 23, 9), at(3, 23, 10)), (at(3, 31, 12), at(3, 31, 14))]


TIMES = {
    "utc": (["DTSTART:20260323T090000Z", "DTEND:20260323T100000Z"], (at(3, 23, 9), at(3, 23, 10))),
    "floating": (["DTSTART:20260323T090000", "DURATION:PT30M"], (at(3, 23, 8), at(3, 23, 8, 30))),
    "day": (["DTSTART;VALUE=DATE:20260323"], (at(3, 22, 23), at(3, 23, 23))),
    "days": (["DTSTART;VALUE=DATE:20260328", "DTEND;VALUE=DATE:20260330"], (at(3, 27, 23), at(3, 29, 22))),
    "windows": (["DTSTART;TZID=Tokyo Standard Time:20260323T090000", "DURATION:PT1H"], (at(3, 23, 0), at(3, 23, 1))),
    "no end": (["DTSTART:20260323T090000Z"], (at(3, 23, 9), at(3, 23, 9))),
}


@pytest.mark.parametrize("kind", TIMES)
def test_times_are_those_of_their_zone(crm, anna, kind):
    lines, expected = TIMES[kind]

    assert imported(crm, anna, ical(*event(*lines))) == (1, 0, 0, 0, [])
    (meeting,) = meetings(crm, anna)
    assert (meeting.starts_at, meeting.ends_at) == expected


def test_zone_that_a_file_brings_along_counts(crm, anna):
    zone = [
        *("BEGIN:VTIMEZONE", "TZID:Ours", "BEGIN:STANDARD", "DTSTART:19700101T000000"),
        *("TZOFFSETFROM:+0530", "TZOFFSETTO:+0530", "END:STANDARD", "END:VTIMEZONE"),
    ]
    single = event("DTSTART;TZID=Ours:20260323T090000", "DURATION:PT1H")
    series = event("DTSTART;TZID=Ours:20260323T090000", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=2", uid="2@x")
    done = imported(crm, anna, ical(*zone, *single, *series))

    assert done[:4] == (1, 0, 0, 0)
    assert "not of the IANA database" in done[4][0]
    assert meetings(crm, anna)[0].starts_at == at(3, 23, 3, 30)


def test_zone_that_one_file_brings_along_is_none_of_the_next(crm, anna):
    def zone(offset):
        head = ("BEGIN:VTIMEZONE", "TZID:Customized Time Zone", "BEGIN:STANDARD", "DTSTART:19700101T000000")
        return [*head, f"TZOFFSETFROM:{offset}", f"TZOFFSETTO:{offset}", "END:STANDARD", "END:VTIMEZONE"]

    def plan(uid):
        return event("DTSTART;TZID=Customized Time Zone:20260323T090000", "DURATION:PT1H", uid=uid)

    imported(crm, anna, ical(*zone("+0530"), *plan("1@x")))
    imported(crm, anna, ical(*zone("-0300"), *plan("2@x")))
    (refused,) = imported(crm, anna, ical(*plan("3@x")))[4]

    assert [meeting.starts_at for meeting in meetings(crm, anna)] == [at(3, 23, 3, 30), at(3, 23, 12)]
    assert "is unknown" in refused


def test_name_that_some_programs_put_in_front_of_a_zone_is_taken_off(crm, anna):
    lines = ("DTSTART;TZID=/freeassociation.sourceforge.net/Europe/Berlin:20260323T100000", "RRULE:FREQ=DAILY;COUNT=2")
    assert imported(crm, anna, ical(*event(*lines))) == (1, 0, 0, 0, [])
    assert meetings(crm, anna)[0].time_zone == "Europe/Berlin"


REFUSED = {
    "an unknown zone": (["DTSTART;TZID=Nowhere/Else:20260323T090000"], "'Nowhere/Else' is unknown"),
    "no start": ([], "it has no start"),
    "a start that is none": (["DTSTART:soon"], "DTSTART"),
    "hours": (["DTSTART:20260323T090000Z", "RRULE:FREQ=HOURLY;COUNT=3"], "FREQ=DAILY, WEEKLY, MONTHLY or YEARLY"),
    "a rule beside its start": (["DTSTART:20260323T090000Z", "RRULE:FREQ=WEEKLY;BYDAY=TU"], "not on one of its days"),
    "more dates": (["DTSTART:20260323T090000Z", "RDATE:20260324T090000Z"], "RDATE is not understood"),
    "an end before its start": (["DTSTART:20260323T090000Z", "DTEND:20260322T090000Z"], "ends after it starts"),
    "two rules": (["DTSTART:20260323T090000Z", "RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY"], "several rules"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_taken_is_told_with_its_reason_and_the_rest_is_taken(crm, anna, kind):
    lines, reason = REFUSED[kind]
    whole = event("DTSTART:20260323T090000Z", "DTEND:20260323T100000Z", uid="2@example.org")
    made, updated, cancelled, unchanged, refused = imported(crm, anna, ical(*event(*lines), *whole))

    assert (made, updated, cancelled, unchanged) == (1, 0, 0, 0)
    assert len(refused) == 1
    assert reason in refused[0]
    assert len(meetings(crm, anna)) == 1
    with crm.system("test") as db:
        assert db.find(MeetingException) == []


def test_event_without_uid_and_two_of_one_uid_are_refused(crm, anna):
    twice = event("DTSTART:20260323T090000Z", uid="2@x")
    nameless = ["BEGIN:VEVENT", "DTSTART:20260323T090000Z", "SUMMARY:X", "END:VEVENT"]

    assert imported(crm, anna, ical(*twice, *twice, *nameless)) == (
        *(0, 0, 0, 0),
        ["two events have this UID", "it has no UID"],
    )


TWO_NAMES = ical("BEGIN:VTIMEZONE", "TZID:Ours", "TZID:Ours", "END:VTIMEZONE")


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\xff\xfe\x00", b"BEGIN:VCALENDAR\r\n", b"BEGIN:VEVENT\r\nEND:VEVENT", TWO_NAMES]
)
def test_what_is_no_calendar_is_refused(crm, anna, data):
    with pytest.raises(CalendarFileError):
        imported(crm, anna, data)


@both_databases
def test_tasks_come_in_once_and_follow_the_file(crm, anna):
    def todo(*lines):
        return ical("BEGIN:VTODO", "UID:t@x", "SUMMARY:Call", *lines, "END:VTODO")

    assert imported(crm, anna, todo("DUE;VALUE=DATE:20260601", "PRIORITY:1")) == (1, 0, 0, 0, [])
    assert imported(crm, anna, todo("DUE;VALUE=DATE:20260601", "PRIORITY:1")) == (0, 0, 0, 1, [])
    assert imported(crm, anna, todo("DUE:20260602T100000Z", "STATUS:COMPLETED")) == (0, 1, 0, 0, [])
    with crm.read(anna) as db:
        (task,) = db.find(Task)
    assert (task.due_at, task.is_done, task.priority) == (at(6, 2, 10), True, "normal")
    assert imported(crm, anna, todo("STATUS:CANCELLED")) == (0, 0, 1, 0, [])


@both_databases
def test_uid_of_somebody_elses_meeting_tells_nothing_and_changes_nothing(crm, anna, eve):
    plain = event("DTSTART:20260323T090000Z", "DTEND:20260323T100000Z", "CLASS:PRIVATE")
    imported(crm, eve, ical(*plain))
    (hers,) = meetings(crm, eve)
    stolen = event("DTSTART:20260401T090000Z", "STATUS:CANCELLED", "SEQUENCE:9", uid=f"{hers.id}@crmkit")

    assert imported(crm, anna, ical(*plain)) == (1, 0, 0, 0, [])
    assert imported(crm, anna, ical(*stolen)) == (0, 0, 0, 1, [])
    assert meetings(crm, eve) != []
    with crm.system("test") as db:
        assert db.get(Meeting, hers.id) == hers
        services.invite(db, hers, db.get(User, anna.user_id))
    assert imported(crm, anna, ical(*stolen)) == (0, 0, 0, 0, ["It belongs to somebody else here, who changes it."])


def test_nobody_is_invited_by_a_file(crm, anna, eve):
    lines = ["DTSTART:20260323T090000Z", "ATTENDEE:mailto:eve@example.org", "ORGANIZER:mailto:boss@example.org"]
    imported(crm, anna, ical(*event(*lines)))
    with crm.system("test") as db:
        assert db.find(Attendance) == []


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    title=st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=80).filter(str.strip),
    hour=st.integers(0, 23),
    lasts=st.integers(0, 3000),
    rule=st.sampled_from([None, "FREQ=DAILY;COUNT=5", "FREQ=WEEKLY;BYDAY=TH,FR,SA;UNTIL=20260601", "FREQ=MONTHLY"]),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "UTC", "Asia/Kolkata"]),
)
def test_whatever_a_meeting_is_it_comes_back_as_it_was(crm, anna, eve, title, hour, lasts, rule, zone):
    start = datetime(2026, 3, 20, hour, tzinfo=UTC)
    with crm.write(anna) as db:
        more = {"recurrence": rule, "time_zone": zone}
        made = db.create(Meeting(title=title, starts_at=start, ends_at=start + timedelta(minutes=lasts), **more))
    written = exported(crm, anna)

    assert imported(crm, anna, written)[:3] == (0, 0, 0)
    imported(crm, eve, written.replace(b"@crmkit", b"@other"))
    with crm.write(eve) as db:
        (copy,) = db.find(Meeting, (Meeting.f.owner_id == eve.user_id) & (Meeting.f.uid == f"{made.id}@other"))
        assert [getattr(copy, name) for name in _KEPT] == [getattr(made, name) for name in _KEPT]
    with crm.system("test") as db:
        db.delete_many(db.find(Meeting))


_KEPT = ("title", "starts_at", "ends_at", "time_zone", "last_at")
