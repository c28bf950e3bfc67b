"""Running automations: once for each event, with a cause, as somebody, and what happens when that goes wrong."""

import pytest

from crmkit import AutomationRecord, AutomationRun, ForbiddenError, Grant, User, switch_automation
from crmkit.testing import both_databases
from tests.core.automating.boxes import Box, Shelf, create, set_, stamped
from tests.core.jobs.watching import rows


def outcomes(crm):
    with crm.system("test") as db:
        return [(run.automation, run.outcome) for run in db.find(AutomationRun, order_by=("ran_at", "id"))]


@both_databases
def test_actions_are_done_in_order_and_each_sees_what_those_before_it_did(crm, boss, automate, worker):
    automate(
        set_(weight=7, due_on={"expression": "today() + days(3)"}),
        stamped(text={"template": "{name}:{weight}"}, times=2),
        create(name={"template": "for {label}, {{literally}}"}),
        {"do": "move", "stage": "sent"},
        {"do": "assign", "to": {"by": "name", "user": str(boss.user_id)}},
    )
    with crm.system("test") as db:
        box = db.create(Box(name="b"))
    worker.run_until_idle()
    with crm.read(boss) as db:
        done = db.get(Box, box.id)
        assert (done.weight, done.label, done.stage, done.owner_id) == (7, "b:7b:7", "sent", boss.user_id)
        assert done.due_on == db.moment.today.replace(day=5)
        assert [shelf.name for shelf in db.find(Shelf)] == ["for b:7b:7, {literally}"]
        (run,) = db.find(AutomationRun)
        assert [(each["kind"], each["entity"]) for each in run.wrote] == [
            ("update", "depot.box"),
            ("update", "depot.box"),
            ("create", "depot.shelf"),
            ("move", "depot.box"),
            ("transfer", "depot.box"),
        ]
        causes = {entry.cause for entry in db.history(done)[1:]}
        assert causes == {"automation:custom.auto < core.record_changed #" + run.occasion[1:]}


@both_databases
def test_what_stands_in_a_record_stays_literal(crm, boss, automate, worker):
    automate(set_(label={"template": "{name}"}))
    hostile = "{secret} {{7*7}} ${jndi:x} =cmd()|'/c calc'!A0 %s <script>"
    with crm.system("test") as db:
        box = db.create(Box(name=hostile, secret="hidden"))
    worker.run_until_idle()
    with crm.read(boss) as db:
        assert db.get(Box, box.id).label == hostile


@both_databases
def test_event_that_is_delivered_again_does_nothing_again(crm, boss, automate, make_worker):
    automate(create(name="once"))
    with crm.system("test") as db:
        db.create(Box(name="b"))
    worker = make_worker(crm)
    worker.run_until_idle()
    make_worker(crm).run_until_idle()
    assert outcomes(crm) == [("custom.auto", "done")]
    with crm.read(boss) as db:
        assert db.count(Shelf) == 1


def test_what_was_written_before_the_automation_does_not_set_it_off(crm, boss, automate, worker):
    with crm.system("test") as db:
        db.create(Box(name="old"))
    automate(create(name="x"))
    worker.run_until_idle()
    assert outcomes(crm) == []


def test_wall_holds_for_the_user_as_whom_it_acts(crm, people, boss, automate, worker):
    narrow = people.role("narrow", [Grant("depot.box", ["read", "update"], "own")])
    anna = people.user("Anna", roles=[narrow])
    automate(set_(label="mine"), runs_as_id=anna.user_id)
    with crm.system("test") as db:
        mine, other = db.create_many([Box(name="a", owner_id=anna.user_id), Box(name="b", owner_id=boss.user_id)])
    worker.run_until_idle()
    with crm.read(boss) as db:
        assert (db.get(Box, mine.id).label, db.get(Box, other.id).label) == ("mine", None)


@pytest.mark.long
@both_databases
def test_loop_is_stopped_and_shown(crm, boss, automate, worker):
    automate(set_(weight=1), {"do": "create", "entity": "depot.box", "values": {"name": {"template": "{name}!"}}})
    with crm.system("test") as db:
        db.create(Box(name="b"))
    worker.run_until_idle()
    with crm.read(boss) as db:
        assert db.count(Box) == 9
        (failed,) = db.find(AutomationRun, 'outcome == "failed"')
    assert failed.error.count("automation:custom.auto") == 9
    assert [(row.state, row.error) for row in rows(crm)] == [("dead", "loop")]


@both_databases
def test_run_that_fails_writes_nothing_and_is_tried_again(crm, boss, automate, worker, clock):
    automate(create(name="x"), stamped(text={"expression": "secret"}))
    with crm.system("test") as db:
        box = db.create(Box(name="b"))
    worker.run_until_idle()
    with crm.write(boss) as db:
        assert db.count(Shelf) == 0
        (run,) = db.find(AutomationRun)
        assert (run.outcome, run.tries) == ("failed", 1)
        assert "Expected `str`, got `null`" in run.error
        db.update(db.get(Box, box.id), secret="s")
    clock.advance(seconds=15)
    worker.run_until_idle()
    with crm.read(boss) as db:
        (run,) = db.find(AutomationRun)
        assert (run.outcome, run.tries, run.error) == ("done", 2, None)
        assert db.get(Box, box.id).label == "s"


@both_databases
def test_automation_that_fails_five_times_in_a_row_is_switched_off_alone(crm, boss, automate, worker, clock):
    automate(stamped(text={"expression": "secret"}))
    automate(create(name="fine"), name="custom.fine")
    for place in range(7):
        with crm.system("test") as db:
            db.create(Box(name=str(place)))
        worker.run_until_idle()
    with crm.read(boss) as db:
        broken, fine = db.find(AutomationRecord, order_by="name")
        assert (broken.is_active, fine.is_active) == (False, True)
        assert "failed 5 times in a row" in broken.off_reason
        assert db.count(Shelf) == 7
        assert db.count(AutomationRun, 'automation == "custom.auto"') == 5
    clock.advance(minutes=5)
    worker.run_until_idle()
    dead = [row for row in rows(crm) if row.state == "dead"]
    assert [row.error for row in dead] == ["unknown-job"] * 5

    with crm.write(boss) as db:
        switch_automation(db, "custom.auto", on=True)
        for box in db.find(Box):
            db.update(box, secret="s")
        assert db.jobs.retry(dead[0].id)
    worker.run_until_idle()
    with crm.read(boss) as db:
        assert db.find(AutomationRecord, order_by="name")[0].off_reason is None
        assert db.count(Box, "label != null") == 1


def test_inactive_user_acts_no_more(crm, people, boss, automate, worker):
    anna = people.user("Anna", roles=["depot.everything"])
    automate(set_(label="x"), runs_as_id=anna.user_id)
    with crm.system("test") as db:
        db.update(db.get(User, anna.user_id), is_active=False)
        db.create(Box(name="b"))
    worker.run_until_idle()
    assert outcomes(crm) == [("custom.auto", "failed")]


def test_runs_are_written_by_crmkit_alone_and_read_by_administrators(crm, people, boss, automate, worker):
    automate(set_(label="x"))
    with crm.system("test") as db:
        db.create(Box(name="b"))
    worker.run_until_idle()
    anna = people.user("Anna", roles=["depot.everything"])
    with crm.read(anna) as db:
        assert db.find(AutomationRun) == []
    with crm.write(boss) as db:
        (run,) = db.find(AutomationRun)
        with pytest.raises(ForbiddenError):
            db.update(run, error="nothing")


@both_databases
def test_clock_strikes_for_each_record_for_which_the_rule_holds(crm, boss, automate, worker, clock):
    automate(set_(label="heavy"), trigger={"on": "cron", "cron": "0 7 * * *"}, condition="weight > 5 && label == null")
    worker.run_until_idle()
    with crm.system("test") as db:
        db.create_many([Box(name=str(weight), weight=weight) for weight in (4, 6, 8)])
    worker.run_until_idle()
    with crm.read(boss) as db:
        assert db.count(Box, "label != null") == 0
    clock.advance(days=1)
    worker.run_until_idle()
    with crm.read(boss) as db:
        assert sorted(box.weight for box in db.find(Box, 'label == "heavy"')) == [6, 8]
    assert outcomes(crm) == [("custom.auto", "done")] * 2


def test_what_came_due_while_it_was_off_is_not_made_up_for(crm, boss, automate, worker, clock):
    automate(set_(label="late"), trigger={"on": "due", "at": "due_on", "days": 1})
    worker.run_until_idle()
    with crm.write(boss) as db:
        box = db.create(Box(name="b", due_on=clock.now().date()))
        switch_automation(db, "custom.auto", on=False)
    worker.run_until_idle()
    clock.advance(days=2)
    with crm.write(boss) as db:
        switch_automation(db, "custom.auto", on=True)
    worker.run_until_idle()
    assert outcomes(crm) == []
    with crm.write(boss) as db:
        db.update(db.get(Box, box.id), due_on=clock.now().date())
    clock.advance(days=2)
    worker.run_until_idle()
    assert outcomes(crm) == [("custom.auto", "done")]
