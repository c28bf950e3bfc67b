from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import pytest

from crmkit import (
    AutomationRecord,
    AutomationRun,
    Grant,
    Mask,
    Owned,
    ReportingLine,
    Target,
    User,
    ValidationError,
    entity,
    field,
    save_automation,
    switch_automation,
    translator,
)
from crmkit.testing import both_databases, plugin

from ..entities import Notification, Task
from ..services import Messages, TaskToMake, make_task, unread, wording

_ = translator("crmkit")


@entity("garden.bed", label=_("Bed"))
class Bed(Owned):
    name: str = field()
    price: int | None = field(default=None)


GARDEN = plugin("garden", entities=[Bed])


@pytest.fixture
def crm(make_crm, clock, database):
    return make_crm("workspace", GARDEN, clock=clock, database=database)


@pytest.mark.parametrize(("assignee", "named"), [("owner", "Ida"), ("manager", "Max"), ("me", "Boss")])
def test_hook_register_actions_task_is_for_the_owner_the_manager_or_who_acts(crm, people, worker, assignee, named):
    boss = people.user("Boss", roles=["core.administrator"])
    users = {"Boss": boss} | {name: people.user(name, roles=["garden.everything"]) for name in ("Ida", "Max")}
    arguments = {"title": {"template": "Water {name}"}, "assignee": assignee, "due_in_days": 2, "priority": "high"}
    with crm.write(boss) as db:
        db.create(ReportingLine(user_id=users["Ida"].user_id, manager_id=users["Max"].user_id))
        action = {"do": "run", "action": "workspace.make_task", "arguments": arguments}
        made = AutomationRecord(
            name="custom.water",
            entity="garden.bed",
            trigger={"on": "write", "kinds": ["create"]},
            actions=[action],
            runs_as_id=boss.user_id,
        )
        db.create(made)
    with crm.write(users["Ida"]) as db:
        db.create(Bed(name="roses"))
    worker.run_until_idle()
    with crm.read(boss) as db:
        (task,) = db.find(Task)
        assert (task.title, task.due_on, task.priority) == ("Water roses", date(2026, 3, 4), "high")
        assert task.owner_id == users[named].user_id


def test_task_is_the_owners_where_nobody_leads_them(crm, people):
    ida = people.user("Ida", roles=["garden.everything", "workspace.member"])
    with crm.write(ida) as db:
        task = make_task(db, db.create(Bed(name="roses")), TaskToMake("Water", assignee="manager"))
    assert (task.owner_id, task.due_on) == (ida.user_id, None)


def test_hook_register_automations_overdue_tasks_are_raised_once_that_is_switched_on(crm, people, worker, clock):
    boss = people.user("Boss", roles=["core.administrator"])
    with crm.write(boss) as db:
        late = db.create(Task(title="late", due_on=date(2026, 3, 3)))
        done = db.create(Task(title="done", due_on=date(2026, 3, 3), is_done=True))
    with crm.write(boss) as db:
        switch_automation(db, "workspace.raise_overdue", on=True)
    worker.run_until_idle()
    clock.advance(days=2)
    worker.run_until_idle()
    with crm.read(boss) as db:
        assert (db.get(Task, late.id).priority, db.get(Task, done.id).priority) == ("high", "normal")


TEXT = {"en": "{name} of {owner.name} is worth {price}", "zh_CN": "{name} 价值 {price}"}


@pytest.fixture
def told(crm, people, worker):
    """Save an automation that tells people of new beds, and return what it makes known to whom."""
    boss = people.user("Boss", roles=["core.administrator"])

    def told(text=TEXT, **arguments):
        action = {"do": "run", "action": "workspace.notify", "arguments": {"text": {"template": text}, **arguments}}
        with crm.write(boss) as db:
            values = {"entity": "garden.bed", "trigger": {"on": "write", "kinds": ["create"]}, "actions": [action]}
            save_automation(db, "custom.tell", {**values, "runs_as_id": boss.user_id})
        with crm.system("test") as db:
            owner = db.find(User, 'name == "Ida"')[0]
            db.create(Bed(name="roses", price=30, owner_id=owner.id))
        tried = crm.try_automation("custom.tell", asker=boss, since=crm.clock.now() - timedelta(days=1))
        worker.run_until_idle()
        with crm.system("test") as db:
            names = {user.id: user.name for user in db.find(User)}
            notes = {names[each.recipient_id]: each.note for each in db.find(Notification)}
            run = db.find(AutomationRun)[-1]
        tried_names = [names[UUID(each["id"])] for each in tried[-1].wrote]
        assert run.wrote == tried[-1].wrote
        assert all(each["kind"] == "workspace.notify" for each in run.wrote)
        return notes, tried_names, run

    return told


@pytest.fixture
def staff(people):
    team = people.team("Gardeners")
    blind = people.role("blind", [Grant("garden.bed", ["read"], "all")], masks=[Mask("garden.bed", "price")])
    return {
        "Ida": people.user("Ida", team=team, roles=["garden.everything", "core.member"]),
        "梅": people.user("梅", team=team, roles=["garden.everything"], locale="zh_CN"),
        "Masked": people.user("Masked", team=team, roles=[blind, "core.member"]),
        "Stranger": people.user("Stranger", team=team, roles=["core.member"]),
    }


@both_databases
def test_team_is_told_in_their_languages_what_each_may_read(told, staff):
    notes, tried, _run = told(to="team", who="Gardeners")

    assert notes == {
        "Ida": "roses of Ida is worth 30",
        "梅": "roses 价值 30",
        "Masked": "roses of Ida is worth …",
    }
    assert sorted(tried) == sorted(notes)


@pytest.mark.parametrize(
    ("arguments", "who"),
    [
        ({}, ["Ida"]),
        ({"to": "owner"}, ["Ida"]),
        ({"to": "user", "who": "Masked"}, ["Masked"]),
        ({"to": "user", "who": "Stranger"}, []),
        ({"to": "role", "who": "garden.everything"}, ["Ida", "梅"]),
    ],
)
def test_owner_user_and_holders_of_a_role_are_told(told, staff, arguments, who):
    notes, tried, _run = told("{name}", **arguments)

    assert notes == dict.fromkeys(who, "roses")
    assert sorted(tried) == sorted(who)


@pytest.mark.parametrize("arguments", [{"to": "user", "who": "Nobody"}, {"to": "team"}, {"to": "role", "who": "x.y"}])
def test_whom_there_is_not_makes_the_run_fail(told, staff, arguments):
    notes, _tried, run = told("{name}", **arguments)

    assert (notes, run.outcome) == ({}, "failed")
    assert "there is no record" in run.error


def test_notification_is_for_who_still_sees_the_record(crm, people, staff, worker):
    ida = staff["Ida"]
    with crm.system("test") as db:
        bed = db.create(Bed(name="roses", owner_id=ida.user_id))
        db.enqueue("workspace.deliver_messages", Messages(Target.of(bed), {ida.user_id: "a", UUID(int=3): "b"}))
        db.enqueue("workspace.deliver_messages", Messages(Target.of(bed), {staff["Stranger"].user_id: "c"}))
    worker.run_until_idle()
    with crm.system("test") as db:
        assert [each.note for each in db.find(Notification)] == ["a"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ({"template": {}}, "a template is text, or texts by language"),
        ({"template": {"en": 3}}, "a template is text"),
        ({"template": {"en": "{colour}"}}, "no field 'colour'"),
        (3, "expected text"),
    ],
)
def test_text_that_makes_no_sense_is_refused(crm, people, text, problem):
    boss = people.user("Boss", roles=["core.administrator"])
    action = {"do": "run", "action": "workspace.notify", "arguments": {"text": text}}
    values = {"entity": "garden.bed", "trigger": {"on": "write"}, "actions": [action], "runs_as_id": boss.user_id}
    with crm.write(boss) as db, pytest.raises(ValidationError, match=problem):
        save_automation(db, "custom.tell", values)


def test_owner_of_an_overdue_task_is_told_once_that_is_switched_on(crm, people, worker, clock):
    mei = people.user("梅", roles=["workspace.member"], locale="zh_CN")
    with crm.system("test") as db:
        switch_automation(db, "workspace.tell_of_overdue", on=True)
    with crm.write(mei) as db:
        db.create(Task(title="浇水", due_on=date(2026, 3, 3)))
    worker.run_until_idle()
    clock.advance(days=5)
    worker.run_until_idle()
    with crm.read(mei) as db:
        assert wording(db, unread(db)) == ["“浇水”应于 2026-03-03 完成。"]
