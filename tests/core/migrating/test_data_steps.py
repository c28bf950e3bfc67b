"""Data steps: every row once, in batches that are transactions, from where the last one ended."""

import threading
import time

import pytest
import sqlalchemy as sa

from crmkit.core.migrating import apply, batching, make_revision, pending, plan
from crmkit.core.migrating.errors import MigrationFailedError
from crmkit.core.migrating.revisions import revisions_of
from crmkit.testing import both_databases

ORDERS = """
@entity("shop.order", label=Text("Order"))
class Order(Owned):
    title: str = field(Line(max=80))
    rank: int | None = field(default=None)
"""
STEP = '''
from crmkit import Batch, in_batches


@in_batches("shop_order")
def give_ranks(batch: Batch) -> None:
    """Give each order the rank that its title says."""
    order = batch.table
    rank = sa.cast(order.c.title, sa.Integer)
    batch.connection.execute(sa.update(order).where(batch.rows).values(rank=sa.func.coalesce(order.c.rank, 0) + rank))


def finish() -> None:
    op.create_index("ix_shop_order_rank", "shop_order", ["rank"])
'''


class Shop:
    """A shop with orders titled 0, 1, 2, … and a revision that ranks them."""

    def __init__(self, blank, package, number, step=STEP):
        self.crm = blank(package("shop", ORDERS))
        make_revision(self.crm, "shop", "Orders")
        apply(self.crm)
        self.Order = self.crm.registry.entity("shop.order").cls
        with self.crm.system("test") as db:
            db.create_many([self.Order(title=str(n)) for n in range(number)])
        self.path = make_revision(self.crm, "shop", "Ranks", empty=True)
        self.path.write_text(self.path.read_text() + step)

    def ranks(self):
        with self.crm.storage.reading() as connection:
            rows = connection.execute(sa.text("SELECT title, rank FROM shop_order"))
            return {int(title): rank for title, rank in rows}

    def indexes(self):
        with self.crm.storage.reading() as connection:
            return {index["name"] for index in sa.inspect(connection).get_indexes("shop_order")}


def sleeping(seconds):
    table = "    order = batch.table\n"
    return STEP.replace(table, f"    import time\n\n    time.sleep({seconds})\n{table}")


@pytest.fixture
def shop(blank, package):
    return Shop(blank, package, 30)


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(batching, "_FIRST", 4)
    monkeypatch.setattr(batching, "_MOST", 4)
    monkeypatch.setattr(batching, "_SECONDS", 60)


@both_databases
def test_data_step_has_every_row_once_before_the_revision_finishes(shop, small_batches, database):
    assert apply(shop.crm).revisions == ("shop_0002",)

    assert shop.ranks() == {n: n for n in range(30)}
    assert "ix_shop_order_rank" in shop.indexes()
    assert pending(shop.crm) == ()


@both_databases
def test_data_step_that_fails_goes_on_with_the_batch_that_failed(shop, small_batches, database):
    failing = """    order = batch.table
    if batch.connection.scalar(sa.select(sa.func.count(order.c.rank))) == 16:
        raise ValueError("enough")
"""
    broken = shop.path.read_text().replace("    order = batch.table\n", failing)
    good = shop.path.read_text()
    shop.path.write_text(broken)

    with pytest.raises(MigrationFailedError, match="shop_0002 failed and changed nothing: ValueError: enough"):
        apply(shop.crm)
    between = shop.ranks()
    planned = [str(operation) for operation in plan(shop.crm).steps[0].operations]
    shop.path.write_text(good)
    apply(shop.crm)

    assert len([n for n, rank in between.items() if rank == n]) == 16
    assert [rank for n, rank in between.items() if rank != n] == [None] * 14
    assert planned == [
        "in batches, 30 rows of shop_order, of which 16 are done: Give each order the rank that its title says",
        "create index ix_shop_order_rank on shop_order",
    ]
    assert shop.ranks() == {n: n for n in range(30)}


@both_databases
def test_plan_tells_the_rows_of_a_data_step(shop, database):
    (step,) = plan(shop.crm).steps

    assert str(step.operations[0]) == "in batches, 30 rows of shop_order: Give each order the rank that its title says"


@both_databases
def test_two_that_apply_at_once_give_every_row_to_one_of_them(shop, small_batches, database):
    others = [shop.crm, shop.crm.sibling(shop.crm.storage.url.render_as_string(hide_password=False))]
    reports = []
    threads = [threading.Thread(target=lambda crm=crm: reports.append(apply(crm))) for crm in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    others[1].close()

    assert shop.ranks() == {n: n for n in range(30)}
    assert [revision for report in reports for revision in report.revisions] == ["shop_0002"]


def test_batches_shrink_where_rows_are_slow_so_that_writers_wait_little(blank, package, monkeypatch):
    monkeypatch.setattr(batching, "_FIRST", 16)
    slow = sleeping("0.02 * len(batch.ids)")
    shop = Shop(blank, package, 60, slow)
    sizes, real = [], batching._run_batch

    def noted(*arguments):
        sizes.append(arguments[-1])
        return real(*arguments)

    monkeypatch.setattr(batching, "_run_batch", noted)
    apply(shop.crm)

    assert sizes[0] == 16
    assert max(sizes[1:-1]) <= 5


def test_writers_get_in_between_two_batches(blank, package, monkeypatch):
    monkeypatch.setattr(batching, "_FIRST", 2)
    monkeypatch.setattr(batching, "_MOST", 2)
    slow = sleeping("0.1")
    shop = Shop(blank, package, 40, slow)
    waits = []

    def write():
        while not ended.wait(0.05):
            begun = time.perf_counter()
            with shop.crm.storage.writing() as connection:
                connection.execute(sa.text("UPDATE core_epoch SET value = value + 1"))
            waits.append(time.perf_counter() - begun)

    ended = threading.Event()
    writer = threading.Thread(target=write)
    writer.start()
    apply(shop.crm)
    ended.set()
    writer.join()

    assert len(waits) >= 3


def test_table_without_one_key_is_refused(blank, package):
    shop = Shop(blank, package, 1, STEP.replace('in_batches("shop_order")', 'in_batches("core_external_id")'))

    with pytest.raises(MigrationFailedError, match="the primary key of core_external_id is not one column"):
        apply(shop.crm)
    assert [revision.id for revision in pending(shop.crm)] == [revisions_of(shop.crm, "shop")[-1].id]
