"""What a plan says before anything is done: steps, words, rows, and who waits."""

import pytest

from crmkit.core.migrating import TouchedTable, apply, make_revision, plan
from crmkit.core.migrating.revisions import migrations_folder, revisions_of
from crmkit.core.text import use_locale
from crmkit.testing import both_databases

ORDERS = """
@entity("shop.order", label=Text("Order"))
class Order(Owned):
    title: str = field(Line(max=80))
"""
RANKED = ORDERS + "    rank: int = field(default=7, indexed=True)\n"
LONGER = RANKED.replace("max=80", "max=120")
GIFTS = """
@extension(of="shop.order")
class Gift:
    paper: str = field()
    ribbon: str = field(default="red")
"""


def with_orders(blank, package, number):
    crm = blank(package("shop", ORDERS))
    make_revision(crm, "shop", "Orders")
    apply(crm)
    with crm.system("test") as db:
        db.create_many([crm.registry.entity("shop.order").cls(title=str(n)) for n in range(number)])
    return crm


@both_databases
def test_plan_of_an_empty_database_lists_every_step_in_order(blank, package, database):
    crm = blank(package("shop", ORDERS))
    make_revision(crm, "shop", "Orders")

    planned = plan(crm)

    *core, shop = planned.steps
    assert [step.revision for step in core] == [revision.id for revision in revisions_of(crm, "core")]
    assert core[0].description == "Initial tables"
    assert (shop.plugin, shop.revision, shop.description) == ("shop", "shop_0001", "Orders")
    assert str(shop.operations[0]) == "create table shop_order with 10 columns"
    assert shop.tables == ()
    assert "row of core_ledger_head" in planned.objects


@both_databases
def test_plan_changes_nothing(blank, package, database):
    crm = blank(package("shop", ORDERS))

    assert plan(crm) == plan(crm)


@both_databases
def test_plan_of_a_finished_database_is_empty(blank, database):
    crm = blank()
    apply(crm)

    assert plan(crm).is_empty


@pytest.mark.parametrize(
    ("database", "waits"),
    [("sqlite", "writers"), pytest.param("postgresql", "everybody", marks=pytest.mark.postgresql)],
)
def test_plan_counts_the_rows_that_a_new_index_reads(blank, package, waits):
    with_orders(blank, package, 30)
    crm = blank(package("shop", RANKED))
    make_revision(crm, "shop", "Rank")

    (step,) = plan(crm).steps

    assert step.tables == (TouchedTable("shop_order", rows=30, read=True, rewritten=False, waits=waits),)
    assert [str(operation) for operation in step.operations][:2] == [
        "add column shop_order.rank, in existing rows '7'",
        "create index ix_shop_order_owner_id_rank_id on shop_order",
    ]


@pytest.mark.parametrize(
    ("database", "waits"),
    [("sqlite", "writers"), pytest.param("postgresql", "everybody", marks=pytest.mark.postgresql)],
)
def test_plan_tells_that_a_table_is_rewritten(blank, package, waits):
    with_orders(blank, package, 3)
    crm = blank(package("shop", ORDERS.replace("max=80", "max=120")))
    make_revision(crm, "shop", "Longer")

    (step,) = plan(crm).steps

    assert step.tables == (TouchedTable("shop_order", rows=3, read=True, rewritten=True, waits=waits),)


def test_plan_tells_what_it_cannot_foresee(blank, package):
    crm = with_orders(blank, package, 1)
    path = make_revision(crm, "shop", "By hand", empty=True)
    body = "op.execute('UPDATE shop_order SET title = 1')\n    op.get_bind().exec_driver_sql('DELETE FROM shop_order')"
    path.write_text(path.read_text().replace("upgrade() -> None:\n    pass", f"upgrade() -> None:\n    {body}"))

    (step,) = plan(crm).steps

    assert [str(operation) for operation in step.operations] == [
        "run UPDATE shop_order SET title = 1",
        "run code of its own, which cannot be foreseen",
    ]
    with crm.system("test") as db:
        assert db.find(crm.registry.entity("shop.order").cls)[0].title == "0"


@both_databases
def test_plan_reports_records_that_lack_a_required_field_of_an_extension(blank, package, database):
    crm = with_orders(blank, package, 5)
    with crm.system("test") as db:
        db.delete(db.find(crm.registry.entity("shop.order").cls)[0])
    crm = blank(package("shop", ORDERS), package("gift", GIFTS, requires=["shop"]))
    make_revision(crm, "gift", "Gifts")

    before = plan(crm).gaps
    apply(crm)
    with crm.system("test") as db:
        order = db.find(crm.registry.entity("shop.order").cls)[0]
        db.update(order, {"gift.paper": "blue"})
    after = plan(crm).gaps

    assert [(gap.entity, gap.field, gap.records) for gap in before] == [("shop.order", "gift.paper", 4)]
    assert [gap.records for gap in after] == [3]


def test_operations_are_sentences_in_the_current_language(blank):
    operation = plan(blank()).steps[0].operations[0]

    with use_locale("xx"):
        assert str(operation) == "create table core_checkpoint with 4 columns"


def test_plan_reads_no_folder_of_a_plugin_that_is_no_package(blank):
    from crmkit.testing import plugin

    crm = blank(plugin("loose"))

    assert migrations_folder(crm, "loose") is None
    assert {step.plugin for step in plan(crm).steps} == {"core"}
