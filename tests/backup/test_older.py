"""Backups of older versions of crmkit and of plugins come back, and are brought up to date."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from crmkit import Principal
from crmkit.backup.making import make_backup
from crmkit.backup.reading import check_backup
from crmkit.backup.restoring import restore_backup
from crmkit.core.migrating import apply, make_revision
from crmkit.core.migrating.errors import NotMigratedError, RevisionsMissingError
from crmkit.core.privacy.tombstones import Tombstone
from crmkit.core.verifying import examine
from crmkit.plugins.customers.entities import Company, Contact
from crmkit.plugins.sales.entities import Deal
from crmkit.plugins.workspace.entities import Meeting, Task
from tests.backup.conftest import KEY
from tests.core.migrating.conftest import blank, package
from tests.marks import both_databases_in_time

__all__ = ["blank", "package"]

# Made by crmkit when the newest revision of its core was core_0008, and its backups had the first format.
OLDER = Path(__file__).parent / "older" / "core-0008.backup"
SYSTEM = Principal(None, "system", "test")


def findings(crm):
    with crm.storage.snapshot() as connection:
        return [found.sentence for found in examine(crm.model, connection)]


@both_databases_in_time
def test_backup_of_an_older_crmkit_is_restored_and_brought_up_to_date(make_crm, database):
    crm = make_crm.blank("workspace", "customers", "sales", database=database)
    done = restore_backup(crm, OLDER, KEY)

    assert check_backup(OLDER, KEY).files is done.files is None
    assert {"core_0009", "workspace_0006"} < set(done.pending)
    with pytest.raises(NotMigratedError, match="crmkit db apply"), crm.read(SYSTEM):
        pass

    assert apply(crm).revisions == done.pending
    assert findings(crm) == []
    with crm.system("test") as db:
        (company,) = db.find(Company)
        assert db.external.find("old", Company, ["A-1"])["A-1"].record_id == company.id
        (task,) = db.find(Task)
        assert db.update(task, remind_before=0).title == "Call"
        when = datetime(2026, 3, 2, 12, tzinfo=UTC)
        assert db.create(Meeting(title="Now", starts_at=when, ends_at=when)).last_at == when
        (deal,) = db.find(Deal)
        assert db.move(deal, "engaging").id == deal.id
    assert findings(crm) == []


@pytest.mark.long
@both_databases_in_time
def test_whom_an_older_backup_brings_back_is_erased_when_it_is_brought_up_to_date(make_crm, database):
    crm = make_crm.blank("workspace", "customers", "sales", database=database)
    restore_backup(crm, OLDER, KEY)
    apply(crm)
    with crm.read(SYSTEM) as db:
        (contact,) = db.find(Contact)
    stone = Tombstone("customers.contact", contact.id, crm.clock.now())

    restore_backup(crm, OLDER, KEY, replace=True, erasures=[stone])
    assert apply(crm).erased == 1
    with crm.read(SYSTEM) as db:
        assert db.find(Contact) == []
    assert findings(crm) == []


FIRST = """
@entity("shop.order", label=Text("Order"))
class Order(Record):
    title: str = field()
"""
SECOND = FIRST + "    colour: str | None = field(default=None)\n"
ORDERS = [f"Order {number}" for number in range(600)]


@pytest.mark.long
@both_databases_in_time
def test_backup_of_an_older_plugin_is_restored_and_brought_up_to_date(blank, package, database, tmp_path, make_crm):
    shop = package("shop", FIRST)
    old = blank(shop)
    make_revision(old, "shop", "Orders")
    apply(old)
    with old.system("test") as db:
        db.create_many([shop.hooks.Order(title=title) for title in ORDERS])
    file = make_backup(old, tmp_path / "crm.backup", KEY).file
    shop = package("shop", SECOND)
    make_revision(blank(shop), "shop", "Colour")

    crm = make_crm.blank(shop, database=database)
    assert restore_backup(crm, file, KEY).pending == ("shop_0002",)
    assert apply(crm).revisions == ("shop_0002",)
    with crm.system("test") as db:
        found = db.find(shop.hooks.Order, order_by="id", limit=1000)
        assert [order.title for order in found] == ORDERS
        assert db.update(found[0], colour="red").colour == "red"
    assert findings(crm) == []


@pytest.mark.long
def test_backup_of_a_newer_plugin_is_refused_and_the_mend_is_named(blank, package, tmp_path, make_crm):
    shop = package("shop", FIRST)
    make_revision(blank(shop), "shop", "Orders")
    shop = package("shop", SECOND)
    new = blank(shop)
    make_revision(new, "shop", "Colour")
    apply(new)
    file = make_backup(new, tmp_path / "crm.backup", KEY).file
    (Path(shop.__path__[0]) / "migrations" / "0002_colour.py").unlink()

    crm = make_crm.blank(package("shop", FIRST))
    with pytest.raises(RevisionsMissingError, match="Install the version of shop"):
        restore_backup(crm, file, KEY)
    with crm.storage.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar() == 0
