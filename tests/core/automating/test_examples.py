"""The two automations that people ask for first."""

from datetime import date

import pytest

from crmkit import AutomationRecord, AutomationRun, Money, ReportingLine
from crmkit.plugins.customers.entities import Company
from crmkit.plugins.sales.entities import Deal, Lead
from crmkit.plugins.workspace.entities import Task
from crmkit.testing import both_databases


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm("sales", "workspace", database=database, clock=clock)


@both_databases
def test_lead_from_the_web_is_assigned_in_turn_and_a_call_task_is_made(crm, people, make_worker):
    boss = people.user("Boss", roles=["core.administrator"])
    anna, bert = (people.user(name, team="Inside sales", roles=["sales.agent"]) for name in ("Anna", "Bert"))
    team = people.team("Inside sales")
    with crm.write(boss) as db:
        db.create(
            AutomationRecord(
                name="custom.web_leads",
                entity="sales.lead",
                trigger={"on": "write", "kinds": ["create"]},
                condition='source == "web"',
                actions=[
                    {"do": "assign", "to": {"by": "round_robin", "team": str(team.id)}},
                    {
                        "do": "run",
                        "action": "workspace.make_task",
                        "arguments": {"title": {"template": "Call {name}"}, "due_in_days": 1},
                    },
                ],
                runs_as_id=boss.user_id,
            )
        )
    with crm.write(boss) as db:
        for name in ("Ines", "Jon", "Kim"):
            db.create(Lead(name=name, source="web"))
        db.create(Lead(name="Fair", source="event"))
    make_worker(crm, threads=1).run_until_idle()

    with crm.system("test") as db:
        assert {lead.name: lead.owner_id for lead in db.find(Lead, 'source == "web"')} == {
            "Ines": anna.user_id,
            "Jon": bert.user_id,
            "Kim": anna.user_id,
        }
        tasks = db.find(Task, order_by="title")
        assert [(t.title, t.owner_id, t.due_on) for t in tasks] == [
            ("Call Ines", anna.user_id, date(2026, 3, 3)),
            ("Call Jon", bert.user_id, date(2026, 3, 3)),
            ("Call Kim", anna.user_id, date(2026, 3, 3)),
        ]
        assert sorted(run.outcome for run in db.find(AutomationRun)) == ["done", "done", "done", "unmet"]
        entry = db.history(tasks[0])[0]
        assert entry.cause.startswith("automation:custom.web_leads < core.record_changed #")
        assert (entry.depth, entry.principal_id) == (1, boss.user_id)


@both_databases
def test_deal_that_stands_still_for_14_days_gets_a_task_for_its_owners_manager(crm, people, make_worker, clock):
    boss = people.user("Boss", roles=["core.administrator"])
    rep = people.user("Rep", team="Sales", roles=["sales.agent"])
    with crm.system("test") as db:
        db.create(ReportingLine(user_id=rep.user_id, manager_id=boss.user_id))
    with crm.write(boss) as db:
        db.create(
            AutomationRecord(
                name="custom.lingering",
                entity="sales.deal",
                trigger={"on": "due", "at": "stage_entered_at", "days": 14},
                condition='stage == "engaging"',
                actions=[
                    {
                        "do": "run",
                        "action": "workspace.make_task",
                        "arguments": {"title": {"template": "Help with {name}"}, "assignee": "manager"},
                    }
                ],
                runs_as_id=boss.user_id,
            )
        )
    make_worker(crm, threads=1).run_until_idle()
    with crm.system("test") as db:
        company = db.create(Company(name="Acme"))
        deals = [
            db.create(Deal(name=name, company_id=company.id, amount=Money.of(10, "EUR"), owner_id=rep.user_id))
            for name in ("Slow", "Quick")
        ]
        slow, quick = db.move_many(deals, "engaging")
    clock.advance(days=13)
    make_worker(crm, threads=1).run_until_idle()
    with crm.system("test") as db:
        assert db.count(Task, f'regarding.id == "{slow.id}" && title.contains("Help")') == 0
        db.move(db.get(Deal, quick.id), "won")
    clock.advance(days=1, minutes=1)
    make_worker(crm, threads=1).run_until_idle()
    with crm.system("test") as db:
        (task,) = db.find(Task, 'title.contains("Help")')
        assert (task.title, task.owner_id, task.regarding.id) == ("Help with Slow", boss.user_id, slow.id)
