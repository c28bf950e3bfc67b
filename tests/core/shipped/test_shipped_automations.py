"""Automations that plugins ship: switched, changed and removed here, and merged with what the plugin ships later."""

import pytest

from crmkit import (
    CRM,
    Automation,
    AutomationRecord,
    NotFoundError,
    OnWrite,
    Principal,
    SetFields,
    ValidationError,
    automations_of,
    decide_edit,
    edited_thing,
    find_automation,
    local_edits,
    remove_automation,
    reset_edit,
    switch_automation,
)
from crmkit.core.automating.parts import written
from crmkit.core.shipped.settling import settle_shipped
from crmkit.testing import People, both_databases, plugin
from tests.core.automating.boxes import PIPELINE, Box, Shelf

SYSTEM = Principal(None, "system", "test")
NAME = "depot.mark"


def mark(label="red", **more):
    given = {"is_active": False, **more}
    return Automation(NAME, "depot.box", OnWrite(kinds=["create"]), [SetFields({"label": label})], **given)


@pytest.fixture
def ship(make_crm, database):
    """Open the CRM with another version of the plugin, and bring what was edited up to date."""
    pattern, opened = make_crm(plugin("depot", entities=[Shelf, Box], pipelines=[PIPELINE]), database=database), []

    def ship(*automations, version="1.0"):
        depot = plugin("depot", entities=[Shelf, Box], pipelines=[PIPELINE], automations=automations, version=version)
        crm = CRM(pattern.config, plugins=[depot], clock=pattern.clock)
        opened.append(crm)
        with crm.system("test") as db:
            settle_shipped(db)
        return crm

    yield ship
    for crm in opened:
        crm.close()


def boss(crm):
    return People(crm).user("Boss", roles=["core.administrator"])


def in_effect(crm):
    with crm.read(SYSTEM) as db:
        return find_automation(db, NAME)


def label(automation):
    return automation.actions[0].values["label"]


def states(crm):
    with crm.read(SYSTEM) as db:
        return {each.place: each.state for each in edited_thing(db, "automation", NAME).merged.differences}


def change(crm, who, **values):
    with crm.write(who) as db:
        (found,) = db.find(AutomationRecord)
        db.update(found, values)


@both_databases
def test_what_is_only_switched_on_goes_on_following_the_plugin(ship):
    first = ship(mark())
    admin = boss(first)
    with first.write(admin) as db:
        switch_automation(db, NAME, on=True)
    assert states(first) == {"is_active": "edited"}

    second = ship(mark("green", position=3), version="2.0")
    assert (label(in_effect(second)), in_effect(second).position, in_effect(second).is_active) == ("green", 3, True)
    assert states(second) == {"is_active": "edited"}
    again = ship(mark())
    assert (label(in_effect(again)), in_effect(again).position, in_effect(again).is_active) == ("red", 0, True)


@both_databases
def test_what_acts_as_somebody_does_nothing_else_until_they_accept_it(ship):
    first = ship(mark())
    admin = boss(first)
    with first.write(admin) as db:
        switch_automation(db, NAME, on=True)
    change(first, admin, runs_as_id=admin.user_id, note="Ours")

    second = ship(mark("green", note="Theirs", position=2), version="2.0")
    assert (label(in_effect(second)), in_effect(second).position, in_effect(second).note) == ("red", 2, "Ours")
    assert {place: state for place, state in states(second).items() if state != "edited"} == {
        "actions": "waiting",
        "note": "conflict",
    }
    with second.write(admin) as db:
        assert [each.place for each in decide_edit(db, "automation", NAME, "theirs").pending] == ["note"]
    assert label(in_effect(second)) == "green"
    third = ship(mark("blue", note="Theirs", position=2), version="3.0")
    assert label(in_effect(third)) == "green"


def test_nobody_lets_it_act_as_the_system_by_accepting_half_of_it(ship):
    first = ship(mark())
    admin = boss(first)
    with first.write(admin) as db:
        switch_automation(db, NAME, on=True)
    actions = written([SetFields({"label": "mine"})])
    change(first, admin, runs_as_id=admin.user_id, actions=actions)
    second = ship(mark("green", condition="weight > 3"), version="2.0")

    with second.write(admin) as db:
        decide_edit(db, "automation", NAME, "theirs", ["condition"])
        (record,) = db.find(AutomationRecord)
        with pytest.raises(ValidationError, match="acts as yourself"), db.attempt():
            db.update(record, runs_as_id=None)
    assert (label(in_effect(second)), in_effect(second).runs_as) == ("mine", admin.user_id)


@both_databases
def test_removed_automation_never_comes_back_until_it_is_reset(ship):
    first = ship(mark(is_active=True))
    admin = boss(first)
    with first.write(admin) as db:
        remove_automation(db, NAME)
    for shipped in ([mark(is_active=True)], [mark("green", is_active=True)], [], [mark("blue", is_active=True)]):
        later = ship(*shipped)
        with later.read(admin) as db:
            assert automations_of(db) == []
        assert not later.registry.subscribers

    with later.write(admin) as db:
        reset_edit(db, "automation", NAME)
    assert (label(in_effect(later)), in_effect(later).is_active) == ("blue", True)
    with later.read(admin) as db:
        assert local_edits(db) == []
        with pytest.raises(NotFoundError):
            edited_thing(db, "automation", NAME)


def test_what_the_plugin_ships_no_more_goes_unless_it_was_edited(ship):
    first = ship(mark())
    admin = boss(first)
    assert ship(version="2.0").registry.automations == {}

    again = ship(mark(), version="3.0")
    with again.write(admin) as db:
        switch_automation(db, NAME, on=True)
    kept = ship(version="4.0")
    assert in_effect(kept).is_active
    assert states(kept) == {"*": "conflict"}
    with kept.write(admin) as db:
        decide_edit(db, "automation", NAME, "theirs", ["*"])
    with kept.read(admin) as db:
        assert automations_of(db) == []


def test_row_from_before_edits_were_kept_counts_as_edited(ship):
    first = ship(mark())
    with first.system("test") as db:
        switch_automation(db, NAME, on=True)
    with first.storage.writing() as connection:
        connection.execute(first.schema.tables["core_local_edit"].delete())

    second = ship(mark("green"), version="2.0")
    assert label(in_effect(second)) == "red"
    assert states(second) == {"actions": "edited", "is_active": "edited"}
