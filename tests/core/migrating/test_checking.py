"""What ``check`` finds between code and database, and what it says mends it."""

import pytest

from crmkit.core.migrating import apply, check, make_revision
from crmkit.core.migrating.revisions import revisions_of
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
    crm = blank()

    assert said(crm) == [
        f"core: {revision.id} is not applied; run crmkit db apply" for revision in revisions_of(crm, "core")
    ]


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


@pytest.mark.long
@both_databases
@pytest.mark.parametrize(
    ("change", "operation"),
    [
        ("DROP TABLE shop_order", "create table shop_order with 11 columns"),
        ("ALTER TABLE shop_order DROP COLUMN title", "add column shop_order.title"),
        ("DROP INDEX ix_shop_order_rank_id", "create index ix_shop_order_rank_id on shop_order"),
    ],
)
def test_what_somebody_took_out_of_the_database_is_no_matter_for_a_revision(
    blank, package, database, change, operation
):
    crm = blank(package("shop", ORDERS + "    rank: int | None = field(default=None, indexed=True)\n"))
    make_revision(crm, "shop", "Orders")
    apply(crm)
    with crm.storage.writing() as connection:
        connection.exec_driver_sql(change)

    assert operation in said(crm)[0]
    assert said(crm)[0] == (
        f"shop: the database is not what its revisions made ({operation}); restore a backup, or put it back by hand"
    )
    assert {finding.kind for finding in check(crm)} == {"altered"}


@pytest.mark.long
@both_databases
def test_both_at_once_are_told_apart(blank, package, database):
    old = blank(package("shop", ORDERS))
    make_revision(old, "shop", "Orders")
    apply(old)
    with old.storage.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE shop_order DROP COLUMN title")
    new = blank(package("shop", ORDERS + "    rank: int | None = field(default=None)\n"))

    assert {finding.kind: str(finding.facts["operation"]) for finding in check(new)} == {
        "altered": "add column shop_order.title",
        "differs": "add column shop_order.rank",
    }


@pytest.mark.parametrize("database", ["postgresql"])
def test_whoever_may_make_no_database_is_told_of_both(blank, package):
    crm = blank(package("shop", ORDERS))
    make_revision(crm, "shop", "Orders")
    apply(crm)
    with crm.storage.writing() as connection:
        connection.exec_driver_sql("DROP TABLE shop_order")
        connection.exec_driver_sql(f"CREATE ROLE {crm.storage.url.database} NOSUPERUSER NOCREATEDB")
        connection.exec_driver_sql(f"GRANT pg_read_all_data TO {crm.storage.url.database}")
    plain = crm.sibling(
        crm.storage.url.set(drivername="postgresql+psycopg")
        .update_query_dict({"options": f"-c role={crm.storage.url.database}"})
        .render_as_string(hide_password=False)
    )

    assert "if that is newly declared, run crmkit db revision shop; if not, restore a backup" in said(plain)[0]

    plain.close()
    with crm.storage.writing() as connection:
        connection.exec_driver_sql(f"DROP OWNED BY {crm.storage.url.database}")
        connection.exec_driver_sql(f"DROP ROLE {crm.storage.url.database}")


def test_throwaway_plugin_without_tables_is_at_peace(blank):
    crm = blank(plugin("loose"))
    apply(crm)

    assert check(crm) == ()
