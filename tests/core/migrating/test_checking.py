"""What ``check`` finds between code and database, and what it says mends it."""

from crmkit.core.migrating import apply, check, make_revision
from crmkit.testing import both_databases, plugin

ORDERS = """
@entity("shop.order", label=Text("Order"))
class Order(Owned):
    title: str = field(Line(max=80))
"""


def said(crm):
    return [str(finding) for finding in check(crm)]


def test_new_plugin_without_revisions_is_told_to_make_one(blank, package):
    crm = blank(package("shop", ORDERS))
    apply(crm)

    assert said(crm)[0] == (
        "shop: it has no revisions (create table shop_order with 10 columns); run crmkit db revision shop"
    )


@both_databases
def test_declaration_that_no_revision_makes_is_found(blank, package, database):
    old = blank(package("shop", ORDERS))
    make_revision(old, "shop", "Orders")
    apply(old)
    new = blank(package("shop", ORDERS + "    rank: int | None = field(default=None)\n"))

    assert said(new) == [
        "shop: what it declares has no revision (add column shop_order.rank); run crmkit db revision shop"
    ]


@both_databases
def test_revision_to_be_applied_is_found(blank, database):
    assert said(blank()) == ["core: core_0001 is not applied; run crmkit db apply"]


@both_databases
def test_trigger_that_is_gone_is_found_and_made_again(blank, database):
    crm = blank()
    apply(crm)
    name = "core_ledger_no_delete" if database == "sqlite" else "core_ledger_guard"
    with crm.storage.writing() as connection:
        connection.exec_driver_sql(f"DROP TRIGGER {name}" + ("" if database == "sqlite" else " ON core_ledger"))

    assert said(crm) == [f"trigger {name} is missing; run crmkit db apply"]
    assert apply(crm).objects == (f"trigger {name}",)
    assert check(crm) == ()


def test_throwaway_plugin_without_tables_is_at_peace(blank):
    crm = blank(plugin("loose"))
    apply(crm)

    assert check(crm) == ()
