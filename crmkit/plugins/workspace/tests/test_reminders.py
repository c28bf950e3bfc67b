from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from crmkit import ForbiddenError, Owned, User, entity, field, translator
from crmkit.testing import both_databases, plugin

from .. import services
from ..entities import Reminder, Task

_ = translator("tests")


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
def bo(people):
    return people.user("Bo", team="North", roles=["workspace.member"], time_zone="Asia/Shanghai")


@pytest.fixture
def told(crm, worker, clock):
    """What somebody has been told at a moment."""

    def told(principal, moment=None):
        worker.run_until_idle()
        if moment is not None:
            clock.travel(moment)
            worker.run_until_idle()
        with crm.read(principal) as db:
            return services.wording(db, services.unread(db))

    return told


@pytest.fixture(autouse=True)
def before_spring(crm, clock, worker):
    """Clocks in Berlin go forward on 29 March."""
    clock.travel(datetime(2026, 3, 27, 12, tzinfo=UTC))
    worker.run_until_idle()


def at(day, hour, minute=0):
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def make(crm, principal, **more):
    with crm.write(principal) as db:
        return db.create(Task(title="Feed", **more))


@both_databases
def test_task_reminds_its_owner_once_in_the_morning_of_its_day(crm, anna, told):
    task = make(crm, anna, due_on=date(2026, 3, 28), remind_before=0)

    assert task.remind_at == at(28, 8)
    assert told(anna, at(28, 7, 50)) == []
    assert told(anna, at(28, 8)) == ["Reminder of Task “Feed”."]
    assert len(told(anna, at(28, 10))) == 1


@pytest.mark.parametrize(
    ("task", "reminded"),
    [
        ({"due_on": date(2026, 3, 30), "remind_before": 0}, at(30, 7)),
        ({"due_on": date(2026, 3, 29), "remind_before": 24 * 60}, at(28, 8)),
        ({"due_on": date(2026, 3, 30), "remind_before": 2 * 24 * 60 + 30}, at(28, 7, 30)),
        ({"due_at": at(29, 1, 30), "remind_before": 60}, at(29, 0, 30)),
        # The clock skips half past two of the day before.
        ({"due_at": at(30, 0, 30), "remind_before": 24 * 60}, at(29, 0, 30) + timedelta(hours=1)),
        ({"remind_before": 15}, None),
        ({"due_on": date(2026, 3, 30)}, None),
    ],
)
def test_reminder_keeps_to_the_owners_clock_when_that_changes(crm, anna, task, reminded):
    assert make(crm, anna, **task).remind_at == reminded


@both_databases
def test_reminder_moves_with_the_due_date_the_owner_and_their_time_zone(crm, anna, bo, told):
    task = make(crm, anna, due_on=date(2026, 4, 2), remind_before=0)
    with crm.write(anna) as db:
        task = db.update(task, due_on=date(2026, 3, 28))
        assert task.remind_at == at(28, 8)
        task = db.transfer(task, bo.user_id)
        assert task.remind_at == at(28, 1)
    with crm.system("test") as db:
        db.update(db.get(User, bo.user_id), time_zone="Europe/Berlin")
    assert told(bo, at(28, 7)) == ["Anna has assigned Task “Feed” to you."]
    assert len(told(bo, at(28, 8))) == 2
    with crm.write(bo) as db:
        db.update(db.get(Task, task.id), due_on=date(2026, 3, 30))
    assert len(told(bo, at(30, 6, 50))) == 2
    assert len(told(bo, at(30, 7))) == 3


def test_task_that_is_done_does_not_remind_and_one_that_is_reopened_does(crm, anna, told):
    done, reopened = (make(crm, anna, due_on=date(2026, 3, 28), remind_before=0) for _n in range(2))
    with crm.write(anna) as db:
        services.complete(db, done)
        reopened = services.reopen(db, services.complete(db, reopened))
        db.update(reopened, title="Shoe")

    assert told(anna, at(28, 9)) == ["Reminder of Task “Shoe”."]


def test_task_without_a_lead_is_not_reminded_of(crm, anna, told):
    task = make(crm, anna, due_on=date(2026, 3, 28), remind_before=0)
    with crm.write(anna) as db:
        assert db.update(task, remind_before=None).remind_at is None

    assert told(anna, at(28, 9)) == []


def test_reminders_are_no_flood(crm, anna, told):
    with crm.write(anna) as db:
        db.create_many([Task(title=str(n), due_on=date(2026, 3, 28), remind_before=0) for n in range(25)])

    assert len(told(anna, at(28, 8))) == 25


@both_databases
def test_record_is_reminded_of_when_somebody_says(crm, anna, told):
    with crm.write(anna) as db:
        horse = db.create(Horse(name="Blaze"))
        services.remind(db, horse, date(2026, 3, 29), "Ask about the hoof")
        later = services.remind(db, horse, at(29, 9))
        services.remind(db, None, at(29, 10), "Lunch")
        gone = services.remind(db, None, at(29, 8), "Never")
        assert [each.remind_at for each in services.my_reminders(db)] == [at(29, 7), at(29, 8), at(29, 9), at(29, 10)]
        db.delete(gone)
    assert told(anna, at(29, 8)) == ["Reminder of Horse “Blaze”: Ask about the hoof"]

    with crm.write(anna) as db:
        db.update(db.get(Reminder, later.id), remind_at=at(29, 11))
    assert len(told(anna, at(29, 10, 30))) == 2
    assert sorted(told(anna, at(29, 11))) == [
        "Reminder of Horse “Blaze”.",
        "Reminder of Horse “Blaze”: Ask about the hoof",
        "Reminder: Lunch",
    ]
    with crm.read(anna) as db:
        assert services.my_reminders(db) == []


def test_reminder_is_ones_own_and_of_what_one_sees(crm, anna, bo):
    with crm.write(anna) as db:
        horse = db.create(Horse(name="Blaze"))
        services.remind(db, horse, at(30, 9))
    with crm.read(bo) as db:
        assert db.find(Reminder) == []
    with pytest.raises(ForbiddenError), crm.write(bo) as db:
        db.create(Reminder(recipient_id=anna.user_id, remind_at=at(30, 9), note="Pay Bo"))


ZONES = st.sampled_from(["Europe/Berlin", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "UTC"])
DAYS = st.dates(date(2024, 1, 1), date(2028, 12, 31))


@given(ZONES, DAYS, st.integers(0, 40), st.integers(0, 500))
def test_lead_of_whole_days_keeps_the_time_of_day(name, day, days, minutes):
    zone = ZoneInfo(name)
    due = services.at_nine(day, zone)
    early = services.earlier(due, days * 24 * 60, zone)

    local = early.astimezone(zone)
    assert (local.date(), local.hour, local.minute) == (day - timedelta(days=days), 9, 0)
    assert early - services.earlier(due, days * 24 * 60 + minutes, zone) == timedelta(minutes=minutes)
