"""Applying: one transaction for each step, in order, once."""

import threading

import pytest
import sqlalchemy as sa

from crmkit.core.migrating import apply, check, make_revision, pending, plan, revert
from crmkit.core.migrating.applied import read_state
from crmkit.core.migrating.errors import MigrationFailedError, RevisionError, RevisionsMissingError
from crmkit.core.migrating.revisions import revisions_of
from crmkit.testing import NOON, both_databases

ORDERS = """
@entity("shop.order", label=Text("Order"))
class Order(Owned):
    number: str | None = field(Number(prefix="O"), default=None)
    title: str = field(Line(max=80))
"""
GIFTS = """
@entity("gift.paper", label=Text("Paper"))
class Paper(Record):
    order_id: UUID = ref("shop.order")
"""


def tables(crm):
    with crm.storage.reading() as connection:
        return set(sa.inspect(connection).get_table_names())


def core_ids(crm):
    return tuple(revision.id for revision in revisions_of(crm, "core"))


def by_hand(crm, plugin, message, body):
    path = make_revision(crm, plugin, message, empty=True)
    path.write_text(path.read_text().replace("upgrade() -> None:\n    pass", f"upgrade() -> None:\n    {body}"))


@pytest.fixture
def shop(blank, package):
    """A CRM with two plugins, the second on the first, nothing applied."""
    orders, gifts = package("shop", ORDERS), package("gift", GIFTS, requires=["shop"])
    make_revision(blank(orders), "shop", "Orders")
    crm = blank(orders, gifts)
    make_revision(crm, "gift", "Gifts")
    return crm


@both_databases
def test_core_goes_up_down_to_nothing_and_up_again(blank, database):
    crm = blank()
    apply(crm)
    assert check(crm) == ()

    assert revert(crm, "core").revisions == core_ids(crm)[::-1]
    assert tables(crm) == set()

    apply(crm)
    assert check(crm) == ()


@both_databases
def test_apply_runs_each_revision_once_and_keeps_when(shop, database):
    seen = []

    report = apply(shop, watch=seen.append)

    assert report.revisions == (*core_ids(shop), "shop_0001", "gift_0001") == tuple(seen)
    assert apply(shop).revisions == ()
    with shop.storage.reading() as connection:
        assert {one.applied_at for one in read_state(connection).applied.values()} == {NOON}


def test_pending_lists_what_the_database_lacks(shop):
    assert [revision.id for revision in pending(shop)] == [*core_ids(shop), "shop_0001", "gift_0001"]

    apply(shop)

    assert pending(shop) == ()


@both_databases
def test_reverting_a_plugin_takes_those_that_require_it_along(shop, database):
    apply(shop)

    assert revert(shop, "shop").revisions == ("gift_0001", "shop_0001")
    assert {name for name in tables(shop) if not name.startswith("core_")} == set()
    assert [finding.kind for finding in check(shop)] == ["pending", "pending"]


def test_reverting_an_unknown_plugin_is_refused(blank):
    with pytest.raises(RevisionError, match="nosuch: no enabled plugin has this name"):
        revert(blank(), "nosuch")


@both_databases
def test_step_that_fails_changes_nothing_and_those_before_it_stand(shop, database):
    body = 'op.execute("CREATE TABLE shop_half (id INTEGER)")\n    op.execute("INSERT INTO nowhere VALUES (1)")'
    by_hand(shop, "shop", "Fails", body)

    with pytest.raises(MigrationFailedError, match="shop_0002 failed and changed nothing: .*nowhere") as caught:
        apply(shop)

    assert caught.value.code == "migration-failed"
    assert "shop_half" not in tables(shop)
    assert [revision.id for revision in pending(shop)] == ["shop_0002", "gift_0001"]


def test_step_that_leaves_rows_without_what_they_refer_to_is_refused_on_sqlite(shop):
    apply(shop)
    Order, Paper = shop.registry.entity("shop.order").cls, shop.registry.entity("gift.paper").cls
    with shop.system("test") as db:
        db.create(Paper(order_id=db.create(Order(title="one")).id))
    by_hand(shop, "shop", "Delete orders", 'op.execute("DELETE FROM shop_order")')

    with pytest.raises(MigrationFailedError, match="gift_paper: 1 rows would refer") as caught:
        apply(shop)

    assert caught.value.__cause__.code == "dangling-reference"
    with shop.system("test") as db:
        assert db.count(Order) == 1


@both_databases
def test_two_that_apply_at_once_share_the_work(shop, blank, database):
    others = [shop, blank(*[plugin.module for plugin in shop.plugins])]
    reports = []
    threads = [threading.Thread(target=lambda crm=crm: reports.append(apply(crm))) for crm in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    applied = sorted(id_ for report in reports for id_ in report.revisions)
    assert applied == [*core_ids(shop), "gift_0001", "shop_0001"]
    assert check(shop) == ()


@both_databases
def test_database_of_an_absent_plugin_is_an_error_that_names_the_mend(shop, blank, database):
    apply(shop)
    without = blank()

    for call in (plan, apply):
        with pytest.raises(RevisionsMissingError) as caught:
            call(without)
        assert str(caught.value) == (
            "The database holds what 'gift' made in its revision gift_0001, but that plugin is not enabled here. "
            "Name it under plugins in crm.toml and install it; to do without it for now, name it there and add "
            "--without gift; to do without it for good, run crmkit plugin remove gift."
        )
    assert [(f.kind, f.plugin) for f in check(without)] == [("missing", "gift"), ("missing", "shop")]
    assert pending(without) == ()


def test_absent_plugin_is_done_without_where_that_is_said(shop, blank):
    apply(shop)
    without = blank()

    assert apply(without, without=["shop", "gift"]).revisions == ()
    assert "shop_order" in tables(without)
    assert check(shop) == ()


def test_older_version_of_a_plugin_is_an_error_that_names_the_mend(shop):
    by_hand(shop, "shop", "Later", "pass")
    apply(shop)
    revisions_of(shop, "shop")[-1].path.unlink()

    with pytest.raises(RevisionsMissingError, match="revision shop_0002, but the installed shop ends with number 0001"):
        apply(shop)


def test_revision_that_depends_on_one_nobody_has_is_an_error(shop):
    path = revisions_of(shop, "gift")[0].path
    # Of another length: what was compiled a moment ago is known by its time and its size.
    path.write_text(path.read_text().replace("shop_0001", "shop_00007"))

    with pytest.raises(RevisionError, match="gift_0001: depends on shop_00007, which no enabled plugin has"):
        apply(shop)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("orders.py", "", "a revision's file is named like 0002_add_region.py"),
        ("0003_gap.py", "", "expected the number 0002"),
        ("0001_twice.py", "", "expected the number 0002"),
        ("0002_other.py", "revision = 'x'", "expected revision = 'shop_0002'"),
        ("0002_other.py", "revision = 'shop_0002'\ndown_revision = None", "expected down_revision = 'shop_0001'"),
        ("0002_broken.py", "import nosuch", "cannot be imported: ModuleNotFoundError"),
    ],
)
def test_revision_file_that_is_not_what_it_must_be_is_named(shop, name, text, message):
    (revisions_of(shop, "shop")[0].path.parent / name).write_text(text)

    with pytest.raises(RevisionError, match=message) as caught:
        apply(shop)

    assert name in str(caught.value) or "twice" in name
