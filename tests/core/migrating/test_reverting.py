"""Taking back: down to a number, with all that stands on it, seen before, and refused where it cannot be."""

import pytest

from crmkit.core.migrating import apply, check, make_revision, park, pending, plan_reverting, revert
from crmkit.core.migrating.errors import IrreversibleRevisionError, RevisionError, StillReferredError
from crmkit.testing import both_databases

SHOP = """
@entity("shop.order", label=Text("Order"))
class Order(Record):
    title: str = field(Line(max=80))
"""
RANKED = SHOP + "    rank: int = field(default=7)\n"
GIFT = """
@entity("gift.paper", label=Text("Paper"))
class Paper(Record):
    order_id: UUID = ref("shop.order")
"""


@pytest.fixture
def shop(blank, package):
    """Orders in two revisions, gifts on the second, all applied; one order and one gift."""
    make_revision(blank(package("shop", SHOP)), "shop", "Orders")
    ranked, gift = package("shop", RANKED), package("gift", GIFT, requires=["shop"])
    make_revision(blank(ranked), "shop", "Ranks")
    crm = blank(ranked, gift)
    make_revision(crm, "gift", "Gifts")
    apply(crm)
    with crm.system("test") as db:
        order = db.create(crm.registry.entity("shop.order").cls(title="one"))
        db.create(crm.registry.entity("gift.paper").cls(order_id=order.id))
    return crm


@both_databases
def test_preview_tells_what_goes_and_changes_nothing(shop, database):
    steps = plan_reverting(shop, "shop", to=1)

    assert [step.revision for step in steps] == ["gift_0001", "shop_0002"]
    assert "drop table gift_paper with all its rows" in [str(operation) for operation in steps[0].operations]
    assert [str(operation) for operation in steps[1].operations] == ["drop column shop_order.rank with its values"]
    assert [(table.name, table.rows) for step in steps for table in step.tables] == [
        ("gift_paper", 1),
        ("shop_order", 1),
    ]
    assert pending(shop) == ()


@pytest.mark.long
@both_databases
def test_reverting_to_a_number_keeps_what_was_before(shop, package, blank, database):
    assert revert(shop, "shop", to=1).revisions == ("gift_0001", "shop_0002")

    assert [revision.id for revision in pending(shop)] == ["shop_0002", "gift_0001"]
    apply(shop)
    assert check(shop) == ()
    with shop.system("test") as db:
        (order,) = db.find(shop.registry.entity("shop.order").cls)
        assert (order.title, order.rank) == ("one", 7)


@both_databases
def test_reverting_one_that_nobody_stands_on_touches_nobody_else(shop, database):
    assert revert(shop, "gift").revisions == ("gift_0001",)
    with pytest.raises(RevisionError, match="nosuch: no enabled plugin has this name"):
        revert(shop, "nosuch", to=1)


@pytest.mark.long
@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        ('    raise NotImplementedError("what was dropped is gone.")\n', "what was dropped is gone."),
        (None, "it has no downgrade."),
    ],
)
def test_revision_that_cannot_be_taken_back_refuses_before_anything_is(shop, ending, reason):
    path = make_revision(shop, "shop", "Irreversible", empty=True)
    head, _down, _rest = path.read_text().partition("def downgrade() -> None:\n")
    path.write_text(head if ending is None else f"{head}def downgrade() -> None:\n{ending}")
    apply(shop)

    with pytest.raises(IrreversibleRevisionError, match=f"shop_0003 cannot be taken back: {reason}") as caught:
        revert(shop, "shop")

    assert caught.value.code == "irreversible-revision"
    assert pending(shop) == ()


@pytest.mark.long
@both_databases
def test_what_parked_tables_stand_on_is_not_dropped(shop, blank, database):
    less = blank(shop.plugins[0].module)
    park(less, "gift")

    with pytest.raises(StillReferredError, match="core_parked_gift_paper refers to shop_order. Purge what is parked"):
        revert(less, "shop")

    assert pending(less) == ()
