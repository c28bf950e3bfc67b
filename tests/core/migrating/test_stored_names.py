"""Whatever is stored and names a field calls it anew when that is renamed, and the plan says beforehand how much."""

from functools import reduce

import pytest

from crmkit import (
    AutomationRecord,
    LocalEdit,
    PluginError,
    RetentionRule,
    StoredNames,
    edited_thing,
    find_automation,
    save_automation,
)
from crmkit.core.automating.naming import renamed_automation
from crmkit.core.migrating import apply, make_revision, plan, revert
from crmkit.core.migrating.naming import Renaming
from crmkit.core.plugins import find_plugins
from crmkit.core.publishing.naming import renamed_pipeline
from crmkit.core.verifying import examine
from crmkit.plugins.workspace.entities import View
from crmkit.testing import both_databases, plugin

BEFORE = """
from crmkit import Shipped

@entity("shop.order", label=Text("Order"))
class Order(Owned):
    colour: str = field(default="red")
    note: str | None = field(default=None)
    sold_on: date | None = field(default=None)

@entity("shop.line", label=Text("Line"))
class OrderLine(Record):
    order_id: UUID = ref("shop.order")

@hookimpl
def crmkit_register_shipped():
    values = {"name": "Red", "listed": "shop.order", "rule": 'colour == "red"', "columns": "colour note"}
    return [Shipped("shop.red", "workspace.view", values)]
"""
CHANGED = {
    'colour: str = field(default="red")': 'tint: str = field(default="red", formerly="colour")',
    "sold_on: date | None = field(default=None)": 'paid_on: date | None = field(default=None, formerly="sold_on")',
    "colour ==": "tint ==",
    '"colour note"': '"tint note"',
}
AFTER = reduce(lambda text, old: text.replace(old, CHANGED[old]), CHANGED, BEFORE)
RENAME = """def upgrade() -> None:
    rename_field("shop.order", "colour", "tint")
    rename_field("shop.order", "sold_on", "paid_on")


def downgrade() -> None:
    rename_field("shop.order", "paid_on", "sold_on")
    rename_field("shop.order", "tint", "colour")
"""
PAINT = {
    "entity": "shop.order",
    "trigger": {"on": "write", "kinds": ["update"], "changes": ["colour", "note"]},
    "condition": 'colour != "blue"',
    "actions": [
        {"do": "set", "values": {"colour": "blue", "note": {"template": {"en": "{{{colour}}} {note}"}}}},
        {
            "do": "run",
            "action": "workspace.make_task",
            "arguments": {"title": {"template": "Paint {colour} over"}},
        },
        {"do": "assign", "to": {"by": "rule", "choices": [{"when": 'colour == "blue"', "user": None, "team": None}]}},
    ],
}
COLLECT = {
    "entity": "shop.line",
    "trigger": {"on": "write", "kinds": ["create"]},
    "condition": 'order.colour == "red"',
    "actions": [{"do": "create", "entity": "shop.order", "values": {"colour": {"expression": "order.colour"}}}],
}
DUE = {
    "entity": "shop.order",
    "trigger": {"on": "due", "at": "sold_on", "days": 3},
    "actions": [{"do": "set", "values": {"note": "colour"}}],
}


@pytest.fixture
def shop(blank, package):
    """Automations, views and a retention rule that name a colour, and the version that renames it, not applied."""
    workspace = find_plugins(["workspace"])[0]
    crm = blank(package("shop", BEFORE), workspace)
    make_revision(crm, "shop", "Orders")
    apply(crm)
    with crm.system("test") as db:
        boss = db.create(crm.registry.entity("core.user").cls(name="Boss"))
        assigned = {"by": "rule", "choices": [{"when": 'colour == "blue"', "user": str(boss.id)}]}
        paint = {**PAINT, "actions": [*PAINT["actions"][:2], {"do": "assign", "to": assigned}]}
        for name, values in (("custom.paint", paint), ("custom.collect", COLLECT), ("custom.due", DUE)):
            save_automation(db, name, values)
        db.create(RetentionRule(name="red", entity="shop.order", where='colour == "red"', days=9, action="delete"))
        db.create(
            View(name="Own", listed="shop.order", columns="note colour", order_by="-colour note", group_by="colour")
        )
        db.create(View(name="Lines", listed="shop.line", rule='order.colour == "colour"', columns="colour"))
        (red,) = db.find(View, View.f.name == "Red")
        db.update(red, name="Ours")
    later = blank(package("shop", AFTER), workspace)
    path = make_revision(later, "shop", "Renamed", empty=True)
    text, _upgrade, _rest = path.read_text().partition("def upgrade() -> None:\n")
    path.write_text(f"{text}from crmkit import rename_field\n\n\n{RENAME}")
    return later


def told(crm):
    return [str(operation) for operation in plan(crm).steps[0].operations]


def stored(crm):
    """Return everything that is stored and names fields."""
    with crm.system("test") as db:
        automations = {
            each.name: (each.trigger, each.condition, each.actions)
            for each in db.find(AutomationRecord, order_by="name")
        }
        views = {each.name: (each.rule, each.columns, each.order_by, each.group_by) for each in db.find(View)}
        edits = [(edit.thing, edit.base) for edit in db.find(LocalEdit, order_by="thing")]
        return automations, views, edits, [rule.where for rule in db.find(RetentionRule)]


@pytest.mark.long
@both_databases
def test_everything_that_names_the_field_follows(shop, database):
    assert told(shop) == [
        "rename field colour of shop.order to tint, also where anything that is stored names it",
        "rename field sold_on of shop.order to paid_on, also where anything that is stored names it",
        "call colour anew in records of core.automation: 2",
        "call colour anew in records of core.local_edit: 1",
        "call colour anew in records of core.retention_rule: 1",
        "call colour anew in records of workspace.view: 3",
        "files and programs that name colour stay: plans of imports, code",
        "call sold_on anew in records of core.automation: 1",
        "files and programs that name sold_on stay: plans of imports, code",
    ]
    apply(shop)

    automations, views, edits, retention = stored(shop)
    trigger, condition, actions = automations["custom.paint"]
    assert (trigger["changes"], condition) == (["tint", "note"], 'tint != "blue"')
    assert actions[0]["values"] == {"tint": "blue", "note": {"template": {"en": "{{{tint}}} {note}"}}}
    assert actions[1]["arguments"] == {"title": {"template": "Paint {tint} over"}}
    assert actions[2]["to"]["choices"][0]["when"] == 'tint == "blue"'
    assert automations["custom.collect"][1] == 'order.tint == "red"'
    assert automations["custom.collect"][2][0]["values"] == {"tint": {"expression": "order.tint"}}
    assert automations["custom.due"][0]["at"] == "paid_on"
    assert automations["custom.due"][2][0]["values"] == {"note": "colour"}
    assert views == {
        "Own": (None, "note tint", "-tint note", "tint"),
        "Lines": ('order.tint == "colour"', "colour", None, None),
        "Ours": ('tint == "red"', "tint note", None, None),
        "My open tasks": views["My open tasks"],
    }
    assert edits[0][1]["columns"] == "tint note"
    assert retention == ['tint == "red"']
    with shop.system("test") as db:
        assert find_automation(db, "custom.paint").is_active
        assert db.model.registry.left_out == ()
        merged = edited_thing(db, "workspace.view", "shop.red").merged
        assert {each.place: each.state for each in merged.differences} == {"name": "edited"}
        (own,) = db.find(View, View.f.name == "Own")
        assert [entry.cause for entry in db.history(own)][-1].startswith("migration: shop_")
    with shop.storage.snapshot() as connection:
        assert list(examine(shop.model, connection)) == []


@pytest.mark.long
@both_databases
def test_everything_is_taken_back_with_the_renaming(shop, database):
    apply(shop)
    after = stored(shop)
    revert(shop, "shop", to=1)
    apply(shop)

    assert stored(shop) == after


@pytest.mark.long
def test_pipeline_names_fields_of_its_entity_in_stages_guards_and_approvals(shop):
    move = {
        "source": "new",
        "target": "sold",
        "guards": [{"rule": 'colour == "red"'}, {"guard": "shop.colour"}],
        "approval": {"fields": ["colour", "note"], "when": 'colour == "blue"'},
    }
    stage = {"slug": "colour", "required": ["colour"], "reasons": {"field": "colour", "options": []}}
    definition = {"id": "shop.way", "entity": "shop.order", "stages": [stage], "moves": [move]}

    renamed = renamed_pipeline(definition, Renaming(shop.registry, "shop.order", "colour", "tint"))

    assert renamed["stages"] == [{"slug": "colour", "required": ["tint"], "reasons": {"field": "tint", "options": []}}]
    assert renamed["moves"][0]["guards"] == [{"rule": 'tint == "red"'}, {"guard": "shop.colour"}]
    assert renamed["moves"][0]["approval"] == {"fields": ["tint", "note"], "when": 'tint == "blue"'}
    assert renamed_pipeline(None, Renaming(shop.registry, "shop.order", "colour", "tint")) is None
    other = {**definition, "entity": "shop.line"}
    assert renamed_pipeline(other, Renaming(shop.registry, "shop.order", "colour", "tint")) == other


@pytest.mark.long
@pytest.mark.parametrize("values", [PAINT, COLLECT, DUE, {"entity": None}, {"entity": "shop.order", "trigger": "x"}])
def test_what_names_no_such_field_stays_as_it_is(shop, values):
    assert renamed_automation(values, Renaming(shop.registry, "shop.order", "nosuch", "tint")) == values


def test_declaration_that_names_what_there_is_not_is_refused(make_crm):
    with pytest.raises(PluginError, match="there is no entity 'shop.list'"):
        make_crm(plugin("shop", stored_names=[StoredNames("shop.list", "entity")]))
