from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from crmkit import CrmkitError, ForbiddenError, ValidationError
from crmkit.testing import both_databases

from .. import services
from ..entities import Task


@pytest.fixture
def crm(make_crm, clock, database):
    return make_crm("workspace", clock=clock, database=database)


@pytest.fixture
def anna(people):
    return people.user(
        "Anna", team=people.team("Berlin", "Germany"), roles=["workspace.member"], time_zone="Asia/Shanghai"
    )


@pytest.fixture
def bo(people):
    return people.user("Bo", team="Paris", roles=["workspace.member"])


def test_task_belongs_to_whoever_makes_it(crm, anna):
    with crm.write(anna) as db:
        task = db.create(Task(title="Call back"))

        assert task.owner_id == anna.user_id
        assert services.my_tasks(db) == [task]


def test_task_is_seen_with_what_it_is_about_and_not_shared_by_itself(crm, people, bo):
    chief = people.user("Chief", roles=["core.administrator"])
    with crm.write(chief) as db:
        task = db.create(Task(title="Call back"))
        with pytest.raises(CrmkitError, match="who sees the record that it is about sees it too") as caught:
            db.share(task, user=bo.user_id)

        assert caught.value.code == "inapplicable-verb"
        assert db.shares(task) == []


def test_task_is_done_at_a_hundred_percent(crm, anna, clock):
    with crm.write(anna) as db:
        task = services.set_progress(db, db.create(Task(title="Write it up")), 100)

    assert (task.is_done, task.progress, task.done_at) == (True, 100, clock.now())


def test_task_that_is_neither_done_nor_open_is_refused(crm, anna):
    with crm.write(anna) as db, pytest.raises(ValidationError, match="is_done: a value is required"):
        db.create(Task(title="Call back", is_done=None))


def test_done_task_is_at_a_hundred_percent(crm, anna):
    with crm.write(anna) as db:
        task = services.complete(db, db.create(Task(title="Write it up", progress=Decimal(40))))

    assert (task.is_done, task.progress) == (True, 100)


def test_reopened_task_begins_anew(crm, anna):
    with crm.write(anna) as db:
        task = services.reopen(db, services.complete(db, db.create(Task(title="Write it up"))))

    assert (task.is_done, task.progress, task.done_at) == (False, 0, None)


def test_task_with_less_than_a_hundred_percent_is_open_again(crm, anna):
    with crm.write(anna) as db:
        task = services.set_progress(db, services.complete(db, db.create(Task(title="Write it up"))), 80)

    assert (task.is_done, task.progress, task.done_at) == (False, 80, None)


def test_progress_of_more_than_all_is_refused(crm, anna):
    with crm.write(anna) as db, pytest.raises(ValidationError, match="progress: at most 100, got 101"):
        services.set_progress(db, db.create(Task(title="Too much")), 101)


def test_time_of_day_decides_the_day_in_the_zone_of_whoever_sets_it(crm, anna):
    with crm.write(anna) as db:
        task = db.create(Task(title="Call", due_at=datetime(2026, 3, 4, 23, tzinfo=UTC)))

    assert task.due_on == date(2026, 3, 5)


def test_another_day_empties_the_time_of_day(crm, anna):
    with crm.write(anna) as db:
        task = db.create(Task(title="Call", due_at=datetime(2026, 3, 4, 9, tzinfo=UTC)))
        task = db.update(task, due_on=date(2026, 3, 9))

    assert (task.due_on, task.due_at) == (date(2026, 3, 9), None)


def test_assigned_task_is_the_other_persons(crm, anna, bo):
    with crm.write(anna) as db:
        services.assign(db, db.create(Task(title="Check the figures")), bo.user_id)

        assert services.my_tasks(db) == []
    with crm.read(bo) as db:
        assert [task.title for task in services.my_tasks(db)] == ["Check the figures"]


def test_task_may_be_made_for_somebody_of_another_team(crm, anna, bo):
    with crm.write(anna) as db:
        db.create(Task(title="Check the figures", owner_id=bo.user_id))

    with crm.read(bo) as db:
        assert [task.title for task in services.my_tasks(db)] == ["Check the figures"]


def test_member_sees_the_teams_tasks_and_changes_only_own_ones(crm, anna, people):
    mei = people.user("梅", team="Berlin", roles=["workspace.member"])
    with crm.write(mei) as db:
        db.create(Task(title="买票"))

    with crm.write(anna) as db:
        [task] = db.find(Task)
        with pytest.raises(ForbiddenError, match="you may not update"):
            services.complete(db, task)


def test_manager_changes_the_tasks_of_the_teams_below(crm, anna, people):
    chief = people.user("Chief", team="Germany", roles=["workspace.manager"])
    with crm.write(anna) as db:
        db.create(Task(title="Call"))

    with crm.write(chief) as db:
        assert services.complete(db, db.find(Task)[0]).is_done


@both_databases
def test_my_tasks_come_in_the_order_of_their_days(crm, anna):
    day = date(2026, 3, 1)
    with crm.write(anna) as db:
        db.create(Task(title="some day"))
        for place in (3, 1, 2):
            db.create(Task(title=str(place), due_on=day + timedelta(place)))

        assert [task.title for task in services.my_tasks(db)] == ["1", "2", "3", "some day"]
        assert [task.title for task in services.my_tasks(db, due_before=day + timedelta(3))] == ["1", "2"]
