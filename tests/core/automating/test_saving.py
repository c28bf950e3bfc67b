"""What may be saved of an automation: what fits, and what gives nobody rights."""

import json

import pytest

from crmkit import AutomationRecord, CustomField, Grant, Mask, ValidationError
from crmkit.testing import both_databases
from tests.core.automating.boxes import Box, create, set_, stamped


@pytest.mark.parametrize(
    ("problem", "given"),
    [
        ("Rule, column 9: it ends too early", {"condition": "weight > "}),
        ("Rule, column 1: depot.box has no field 'hight'", {"condition": "hight > 3"}),
        ("there is no entity 'depot.bag'", {"entity": "depot.bag"}),
        ("there is no entity 'core.automation_run'", {"entity": "core.automation_run"}),
        ("trigger.kinds[0]: Invalid enum value 'lose'", {"trigger": {"on": "write", "kinds": ["lose"]}}),
        ("changes: depot.box has no field 'hight'", {"trigger": {"on": "write", "changes": ["hight"]}}),
        ("there is no stage 'lost'; there are packed, sent", {"trigger": {"on": "write", "stages": ["lost"]}}),
        ("there is no event 'depot.box_burnt' of depot.box", {"trigger": {"on": "event", "event": "depot.box_burnt"}}),
        ("'7' is no time of cron", {"trigger": {"on": "cron", "cron": "7"}, "condition": "weight > 3"}),
        ("say for which records the clock strikes", {"trigger": {"on": "cron", "cron": "0 7 * * *"}}),
        ("'depot.box.name' is no field with a date", {"trigger": {"on": "due", "at": "name"}}),
        ("trigger.days: Expected `int` <= 36500", {"trigger": {"on": "due", "at": "due_on", "days": 10**12}}),
        ("an automation is about the records of one entity", {"entity": "*"}),
        ("an automation does at least one thing", {"actions": []}),
        ("actions[0].do: Invalid value 'burn'", {"actions": [{"do": "burn"}]}),
        ("there is no field 'depot.box.hight' that may be written", {"actions": [set_(hight=1)]}),
        ("actions[0].values.weight: expected", {"actions": [set_(weight="much")]}),
        ("stage is not set; move or assign", {"actions": [set_(stage="sent")]}),
        ("actions[0].values.label: Rule, column 1: ", {"actions": [set_(label={"expression": "lable"})]}),
        ("gives a number, the field takes text", {"actions": [set_(label={"expression": "weight"})]}),
        ("a template gives text", {"actions": [set_(weight={"template": "{name}"})]}),
        ("a brace stands alone at 3", {"actions": [set_(label={"template": "a {name"})]}),
        ("depot.shelf.name must have a value", {"actions": [create()]}),
        ("there is no stage 'lost'", {"actions": [{"do": "move", "stage": "lost"}]}),
        ("no action 'depot.burn'; there are depot.stamp", {"actions": [{"do": "run", "action": "depot.burn"}]}),
        ("text must have a value", {"actions": [stamped()]}),
        ("depot.stamp takes text, times", {"actions": [stamped(text="a", x=1)]}),
        ("Expected `int`, got `str`", {"actions": [stamped(text="a", times="b")]}),
        ("either a team or users", {"actions": [{"do": "assign", "to": {"by": "round_robin"}}]}),
        ("there is no core.user 00000000", {"actions": [{"do": "assign", "to": {"by": "name", "user": "0" * 32}}]}),
        ("the name of a new automation begins with 'custom.'", {"name": "depot.mine"}),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_its_place(automate, problem, given):
    actions = given.pop("actions", [set_(weight=1)])
    with pytest.raises(ValidationError) as refused:
        automate(*actions, **given)
    assert problem in str(refused.value)


def test_nobody_lets_an_automation_act_as_somebody_else_or_as_the_system(crm, people, boss, automate):
    author = people.role("author", [Grant("core.automation", ["read", "create", "update"], "all")])
    anna = people.user("Anna", roles=[author, "depot.everything"])
    for other in (boss.user_id, None):
        with pytest.raises(ValidationError, match="acts as yourself"):
            automate(set_(weight=1), principal=anna, runs_as_id=other)
    automate(set_(weight=1), principal=anna)

    automate(set_(weight=1), name="custom.of_the_boss")
    with crm.write(anna) as db:
        (theirs,) = db.find(AutomationRecord, 'name == "custom.of_the_boss"')
        with pytest.raises(ValidationError, match="acts as yourself"):
            db.update(theirs, actions=[set_(weight=2)])
        db.update(theirs, is_active=False)
    with pytest.raises(ValidationError, match="acts as yourself"):
        automate(set_(weight=1), name="custom.of_the_system", runs_as_id=None)


@pytest.mark.parametrize("whose", ["principal", "runs_as_id"])
@pytest.mark.parametrize(
    "text",
    [
        '{"condition": "NAME == null", "actions": [{"do": "set", "values": {"weight": 1}}]}',
        '{"actions": [{"do": "set", "values": {"label": {"template": "{NAME}"}}}]}',
        '{"actions": [{"do": "set", "values": {"NAME": "x"}}]}',
        '{"trigger": {"on": "write", "changes": ["NAME"]}, "actions": [{"do": "set", "values": {"weight": 1}}]}',
    ],
)
def test_hidden_field_is_as_one_that_does_not_exist_for_who_saves_and_who_acts(people, automate, text, whose):
    grants = [Grant("depot.box", ["read", "update"], "all"), Grant("core.automation", ["read", "create"], "all")]
    author = people.role("author", grants, [Mask("depot.box", ["secret"], "hidden")])
    anna = people.user("Anna", roles=[author])

    def refusal(name):
        given = json.loads(text.replace("NAME", name))
        with pytest.raises(ValidationError) as refused:
            automate(*given.pop("actions"), **given, **{whose: anna if whose == "principal" else anna.user_id})
        return str(refused.value)

    assert refusal("secret").replace("secret", "nosuch") == refusal("nosuch")


@both_databases
def test_definition_that_goes_disables_the_automation_and_is_reported(crm, boss, automate, make_worker):
    with crm.write(boss) as db:
        size = db.create(CustomField(entity="depot.box", key="size", type="integer", label="Size"))
    automate(set_(label="big"), condition="custom.size > 3")
    with crm.write(boss) as db:
        db.create(Box(name="a", custom={"size": 5}))
    worker = make_worker(crm)
    worker.run_until_idle()
    with crm.write(boss) as db:
        assert [box.label for box in db.find(Box)] == ["big"]
        db.delete(db.get(CustomField, size.id))
    with crm.write(boss) as db:
        db.create(Box(name="b"))
        (reason,) = db.model.registry.left_out
    assert "automation custom.auto" in str(reason)
    assert "custom.size" in str(reason)
    worker.run_until_idle()
    with crm.read(boss) as db:
        assert db.find(Box, 'name == "b"')[0].label is None
