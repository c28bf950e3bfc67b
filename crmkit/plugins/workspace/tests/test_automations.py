from __future__ import annotations

from datetime import date

import pytest

from crmkit import AutomationRecord, Owned, ReportingLine, entity, field, switch_automation, translator
from crmkit.testing import plugin

from ..entities import Task
from ..services import TaskToMake, make_task

_ = translator("crmkit")


@entity("garden.bed", label=_("Bed"))
class Bed(Owned):
    name: str = field()


GARDEN = plugin("garden", entities=[Bed])


@pytest.fixture
def crm(make_crm, clock):
    return make_crm("workspace", GARDEN, clock=clock)


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
