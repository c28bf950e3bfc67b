"""Trying an automation on what has happened: it says what would be done, to those who may see it, and does nothing."""

import pytest

from crmkit import AutomationRun, ForbiddenError, Grant, NotFoundError
from crmkit.testing import both_databases
from tests.core.automating.boxes import Box, Shelf, create, set_, stamped


@both_databases
def test_past_events_tell_what_would_have_been_done_and_nothing_is(crm, boss, automate, clock):
    with crm.system("test") as db:
        db.create(Box(name="long ago", weight=9))
    clock.advance(days=1)
    since = clock.now()
    with crm.system("test") as db:
        light, heavy, lost = db.create_many(
            [Box(name="a", weight=1), Box(name="b", weight=9), Box(name="c", weight=9, secret="-")]
        )
        db.update(lost, secret=None, weight=8)
    automate(create(name="for {name}"), stamped(text={"expression": "secret"}), condition="weight > 8", is_active=False)
    with crm.write(boss) as db:
        db.update(db.get(Box, heavy.id), secret="s")
    told = crm.try_automation("custom.auto", asker=boss, since=since)
    assert [(each.record_id, each.outcome) for each in told] == [
        (light.id, "unmet"),
        (heavy.id, "done"),
        (lost.id, "unmet"),
    ]
    assert told[1].wrote == [
        {"entity": "depot.shelf", "id": told[1].wrote[0]["id"], "kind": "create", "fields": ["name"]},
        {"entity": "depot.box", "id": str(heavy.id), "kind": "update", "fields": ["label"]},
    ]
    assert len(crm.try_automation("custom.auto", asker=boss, since=since, limit=1)) == 1
    with crm.read(boss) as db:
        assert (db.count(Shelf), db.count(Box, "label != null"), db.count(AutomationRun)) == (0, 0, 0)


@both_databases
def test_run_that_would_fail_says_why_and_the_next_goes_on(crm, boss, automate, clock):
    with crm.system("test") as db:
        db.create_many([Box(name="a"), Box(name="b", secret="s")])
    automate(create(name="x"), stamped(text={"expression": "secret"}))
    bad, good = crm.try_automation("custom.auto", asker=boss, since=clock.now())
    assert (bad.outcome, bad.wrote, good.outcome) == ("failed", [], "done")
    assert "Expected `str`, got `null`" in bad.error


def test_records_that_will_be_due_and_those_of_a_stroke_are_tried(crm, boss, automate, clock):
    with crm.system("test") as db:
        db.create_many([Box(name="a", due_on=clock.now().date()), Box(name="b")])
    automate(set_(label="x"), name="custom.due", trigger={"on": "due", "at": "due_on"})
    automate(set_(label="x"), name="custom.cron", trigger={"on": "cron", "cron": "0 7 * * *"}, condition='name == "b"')
    for name in ("custom.due", "custom.cron"):
        (told,) = crm.try_automation(name, asker=boss, since=clock.now())
        assert told.outcome == "done"


def test_only_what_the_asker_sees_is_told_and_only_to_who_may_let_it_act(crm, people, boss, automate, clock):
    grants = [Grant("depot.box", ["read", "update"], "own"), Grant("core.automation", ["read", "create"], "all")]
    anna = people.user("Anna", roles=[people.role("author", grants)])
    with crm.system("test") as db:
        mine, _other = db.create_many([Box(name="a", owner_id=anna.user_id), Box(name="b", owner_id=boss.user_id)])
    automate(set_(label="x"), name="custom.mine", principal=anna)
    automate(set_(label="x"), name="custom.of_the_boss")
    assert [told.record_id for told in crm.try_automation("custom.mine", asker=anna, since=clock.now())] == [mine.id]
    with pytest.raises(ForbiddenError):
        crm.try_automation("custom.of_the_boss", asker=anna, since=clock.now())
    nobody = people.user("Nobody")
    for name in ("custom.mine", "custom.nosuch"):
        with pytest.raises(NotFoundError):
            crm.try_automation(name, asker=nobody, since=clock.now())
