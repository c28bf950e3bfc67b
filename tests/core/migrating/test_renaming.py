"""A renamed field takes its values, its history, the masks and the rules that name it along."""

import pytest
import sqlalchemy as sa

from crmkit import Grant, Mask, PluginError, Role, edit_role, role_in_effect
from crmkit.core.migrating import apply, check, make_revision, plan, revert
from crmkit.core.migrating.errors import MigrationFailedError, RevisionRefusedError
from crmkit.core.migrating.rule_names import renamed_in_rule
from crmkit.core.text import Text
from crmkit.core.verifying.histories import examine_histories
from crmkit.testing import both_databases

BEFORE = """
@entity("shop.order", label=Text("Order"))
class Order(Record):
    colour: str = field(indexed=True)
    price: Money | None = field(default=None)

@entity("shop.line", label=Text("Line"))
class OrderLine(Record):
    order_id: UUID = ref("shop.order")
"""
COLOUR, PRICE = "colour: str = field(indexed=True)", "price: Money | None = field(default=None)"
TINT = 'tint: str = field(indexed=True, formerly="colour")'
COST = 'cost: Money | None = field(default=None, formerly="price")'
AFTER = BEFORE.replace(COLOUR, TINT).replace(PRICE, COST)
RENAME = """def upgrade() -> None:
    rename_field("shop.order", "colour", "tint")
    rename_field("shop.order", "price", "cost")


def downgrade() -> None:
    rename_field("shop.order", "cost", "price")
    rename_field("shop.order", "tint", "colour")
"""
RULE = 'colour == "red" && colour.contains("colour") || price > 3'
ON_LINES = '!(order.colour == "colour") && order_id != null'


@pytest.fixture
def shop(blank, package):
    """Orders that a role made at run time sees by their colour, and the version that renames it, not applied."""
    crm = blank(package("shop", BEFORE))
    make_revision(crm, "shop", "Orders")
    apply(crm)
    with crm.system("test") as db:
        cls = lambda entity: crm.registry.entity(entity).cls  # noqa: E731
        db.create(cls("shop.order")(colour="red"))
        role = db.create(cls("core.role")(name="clerk", label="Clerk"))
        for entity, rule in (("shop.order", RULE), ("shop.line", ON_LINES)):
            db.create(cls("core.grant")(role_id=role.id, entity=entity, verbs="read", scope="rule", rule=rule))
        db.create(cls("core.mask")(role_id=role.id, entity="shop.order", field_name="price"))
        local = [Grant("core.team", ["read"], "all"), Grant("shop.order", ["read"], RULE)]
        edit_role(db, Role("core.member", Text("Member"), local, [Mask("shop.order", "price")]))
    later = blank(package("shop", AFTER))
    path = make_revision(later, "shop", "Renamed", empty=True)
    text, _upgrade, _rest = path.read_text().partition("def upgrade() -> None:\n")
    path.write_text(f"{text}from crmkit import rename_field\n\n\n{RENAME}")
    return later


def rules(crm):
    with crm.system("test") as db:
        return {grant.entity: grant.rule for grant in db.find(crm.registry.entity("core.grant").cls)}


@both_databases
def test_renamed_field_keeps_values_history_masks_and_rules(shop, database):
    assert str(plan(shop).steps[0].operations[0]) == (
        "rename field colour of shop.order to tint, also where anything that is stored names it"
    )
    apply(shop)

    assert check(shop) == ()
    with shop.system("test") as db:
        (order,) = db.find(shop.registry.entity("shop.order").cls)
        order = db.update(order, tint="blue")
        assert [entry.changes["tint"] for entry in db.history(order)] == [(None, "red"), ("red", "blue")]
        (mask,) = db.find(shop.registry.entity("core.mask").cls)
        assert mask.field_name == "cost"
        assert [entry.changes["field_name"] for entry in db.history(mask)] == [(None, "price"), ("price", "cost")]
        member = role_in_effect(db, "core.member")
        assert [mask.fields for mask in member.masks] == [{"cost"}]
        assert 'tint == "red" && tint.contains("colour") || cost > 3' in [str(g.scope) for g in member.grants]
    assert rules(shop) == {
        "shop.order": 'tint == "red" && tint.contains("colour") || cost > 3',
        "shop.line": '!(order.tint == "colour") && order_id != null',
    }
    with shop.storage.reading() as connection:
        model = shop.model
        assert list(examine_histories(connection, model.schema, model.registry, model.store)) == []


@both_databases
def test_renaming_is_taken_back_with_everything(shop, database):
    apply(shop)
    revert(shop, "shop", to=1)

    with shop.storage.reading() as connection:
        assert set(connection.scalars(sa.text("SELECT rule FROM core_grant"))) == {RULE, ON_LINES}
        assert connection.scalars(sa.text("SELECT colour FROM shop_order")).all() == ["red"]
    apply(shop)
    assert check(shop) == ()


def test_field_that_is_not_there_is_not_renamed(shop):
    from crmkit.core.migrating.revisions import revisions_of

    path = revisions_of(shop, "shop")[-1].path
    path.write_text(path.read_text().replace('"colour", "tint"', '"hue", "tint"'))

    with pytest.raises(MigrationFailedError, match="shop_order.hue: there is no such field"):
        apply(shop)


def test_new_column_that_looks_like_an_old_one_is_asked_about(blank, package):
    make_revision(blank(package("shop", BEFORE)), "shop", "Orders")
    later = blank(package("shop", BEFORE.replace("colour: str = field(indexed=True)", 'tint: str = field(default="")')))

    with pytest.raises(RevisionRefusedError, match="shop_order.tint: looks like colour under another name") as caught:
        make_revision(later, "shop", "Tint")
    assert "--not-renamed" in str(caught.value)
    assert make_revision(later, "shop", "Tint", not_renamed=True).exists()


def test_name_that_is_in_the_ledger_keeps_its_meaning(blank, package):
    with pytest.raises(PluginError, match="shop.order.tint: was formerly 'colour', which is another field now"):
        blank(package("shop", AFTER.replace("    cost:", "    colour: str = field(default='')\n    cost:")))


@pytest.mark.parametrize("rule", ["this is no rule", 'custom == "colour"', "nosuch.colour == 1", 'tint == "colour"'])
def test_rule_that_does_not_name_the_field_stays_as_it_is(shop, rule):
    assert renamed_in_rule(shop.registry, rule, "shop.order", ("shop.order", "colour", "tint")) == rule
