"""What is restored is what was backed up, on the same kind of database and on the other."""

import subprocess
import sys

import pytest
import sqlalchemy as sa

from crmkit import Principal
from crmkit.backup.errors import BackupTargetError, RestoreRefusedError
from crmkit.backup.making import make_backup
from crmkit.backup.reading import check_backup
from crmkit.backup.restoring import restore_backup
from crmkit.core.configuration.config import Company as Owner, Config, Database
from crmkit.core.crm import CRM
from crmkit.core.migrating import apply
from crmkit.core.migrating.errors import PluginParkedError, RevisionsMissingError
from crmkit.core.migrating.parking import park
from crmkit.core.verifying import examine
from crmkit.core.verifying.ledger import verify_ledger
from crmkit.plugins.customers.entities import Company
from crmkit.testing import both_databases
from tests.backup.conftest import KEY, KINDS
from tests.core.atelier import Artist, Commission, Invoice

SYSTEM = Principal(None, "system", "test")


def everything(crm):
    with crm.read(SYSTEM) as db:
        return {cls: db.find(cls, order_by="id", limit=100) for cls in (Artist, Commission, Invoice)}


def history(crm, record):
    with crm.read(SYSTEM) as db:
        return db.history(record)


def findings(crm):
    with crm.storage.snapshot() as connection:
        return [found.sentence for found in examine(crm.model, connection)]


@pytest.mark.long
@both_databases
@pytest.mark.parametrize("to", KINDS)
def test_restored_database_is_the_one_that_was_backed_up_and_goes_on(lived, master, restore, clock, to):
    restored = restore(to)

    assert everything(restored) == everything(lived)
    (sea,) = everything(lived)[Commission]
    assert history(restored, sea) == history(lived, sea)
    with restored.read(SYSTEM) as db:
        assert db.count(Artist, "atelier.stars == 3") == 41
    assert findings(restored) == []

    with restored.write(restored.principal("Berthe")) as db:
        lake = db.create(Commission(title="Lake"))
        db.move(db.get(Commission, sea.id), "dropped")
        assert set(db.external.find("old", Artist, ["A-1"])) == {"A-1"}
    assert lake.number == "K-000002"
    assert findings(restored) == []


@both_databases
def test_restored_database_refuses_to_change_its_ledger(restore, database):
    restored = restore(database)

    with pytest.raises(sa.exc.DBAPIError), restored.storage.writing() as connection:
        connection.exec_driver_sql("DELETE FROM core_ledger")


@both_databases
def test_database_that_is_not_empty_is_replaced_only_on_demand(lived, master, backup):
    with lived.write(master) as db:
        db.create(Artist(name="Later"))
    with lived.read(master) as db:
        assert db.count(Artist) == 42
    with pytest.raises(RestoreRefusedError, match="is not empty. To replace what is there: --replace"):
        restore_backup(lived, backup, KEY)
    with lived.storage.reading() as connection:
        epoch = connection.scalar(sa.select(lived.schema.system.epoch.c.value))

    restore_backup(lived, backup, KEY, replace=True)
    with lived.read(master) as db:
        assert db.count(Artist) == 41
    with lived.storage.reading() as connection:
        assert connection.scalar(sa.select(lived.schema.system.epoch.c.value)) > epoch
    assert findings(lived) == []


def test_file_that_somebody_uses_is_not_replaced_and_the_replaced_one_is_kept(lived, backup, blank):
    before = everything(lived)
    url = lived.storage.url.database
    using = [
        "import sqlite3",
        f"c = sqlite3.connect({url!r}, isolation_level=None)",
        "c.execute('BEGIN')",
        "c.execute('SELECT * FROM core_user').fetchall()",
        "print(1, flush=True)",
        "input()",
    ]
    busy = subprocess.Popen([sys.executable, "-c", "; ".join(using)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert busy.stdout.readline() == b"1\n"
        with pytest.raises(RestoreRefusedError, match="somebody uses"):
            restore_backup(lived, backup, KEY, replace=True)
        assert everything(lived) == before
    finally:
        busy.communicate(b"\n")
    lived.close()
    restore_backup(lived, backup, KEY, replace=True)

    kept = blank().sibling(f"sqlite:///{url}.replaced")
    assert everything(kept) == before
    kept.close()


@pytest.mark.long
def test_damaged_database_can_be_replaced(lived, backup):
    before = everything(lived)
    lived.close()
    with open(lived.storage.url.database, "wb") as file:
        file.write(b"nothing that SQLite knows" * 1000)

    with pytest.raises(RestoreRefusedError, match="is not empty"):
        restore_backup(lived, backup, KEY)
    restore_backup(lived, backup, KEY, replace=True)
    assert everything(lived) == before


@both_databases
def test_table_and_index_that_no_plugin_declares_come_back(lived, blank, database, tmp_path):
    with lived.storage.altering() as connection:
        connection.exec_driver_sql("CREATE TABLE parked_thing (id INTEGER PRIMARY KEY, name VARCHAR(20), data TEXT)")
        connection.exec_driver_sql("INSERT INTO parked_thing VALUES (7, 'Old', NULL), (8, 'Older', '{}')")
        connection.exec_driver_sql("CREATE INDEX ix_parked ON parked_thing (name, lower(data))")
        connection.exec_driver_sql("ALTER TABLE atelier_artist ADD COLUMN forgotten VARCHAR(9)")
        connection.exec_driver_sql("UPDATE atelier_artist SET forgotten = 'not us'")
    file = make_backup(lived, tmp_path / "crm.backup", KEY).file
    restored = blank(database)
    restore_backup(restored, file, KEY)

    with restored.storage.reading() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM parked_thing ORDER BY id").all()
        assert [tuple(row) for row in rows] == [(7, "Old", None), (8, "Older", "{}")]
        asked = "SELECT count(*) FROM {} WHERE {} = 'ix_parked'".format(
            *(("sqlite_master", "name") if database == "sqlite" else ("pg_indexes", "indexname"))
        )
        assert connection.exec_driver_sql(asked).scalar() == 1
        assert set(connection.exec_driver_sql("SELECT forgotten FROM atelier_artist").scalars()) == {"not us"}


@pytest.mark.long
def test_what_no_plugin_declares_goes_only_to_the_kind_of_database_that_it_came_from(lived, blank, tmp_path):
    with lived.storage.altering() as connection:
        connection.exec_driver_sql("CREATE TABLE parked_thing (id INTEGER PRIMARY KEY)")
        connection.exec_driver_sql("INSERT INTO parked_thing VALUES (7)")
    file = make_backup(lived, tmp_path / "crm.backup", KEY).file

    with pytest.raises(RestoreRefusedError, match="no plugin declares parked_thing.id, so that it can only go back to"):
        restore_backup(blank("postgresql"), file, KEY)


def test_backup_of_a_plugin_that_is_not_here_is_refused_before_anything_is_written(make_crm, tmp_path):
    file = make_backup(make_crm("customers"), tmp_path / "crm.backup", KEY).file
    bare = make_crm.blank()

    with pytest.raises(RevisionsMissingError, match="customers"):
        restore_backup(bare, file, KEY)
    done = restore_backup(bare, file, KEY, without={"customers", "workspace"})
    assert done.broken is None


@both_databases
def test_tables_that_are_parked_stay_parked_and_come_back_with_their_plugin(make_crm, database, tmp_path):
    crm = make_crm("customers", database=database)
    with crm.system("test") as db:
        db.create(Company(name="Acme"))
    park(crm, "customers")
    without = [plugin.module for plugin in crm.plugins if plugin.name != "customers"]
    bare = CRM(Config(database=Database(crm.storage.url.render_as_string(hide_password=False))), plugins=without)
    file = make_backup(bare, tmp_path / "crm.backup", KEY).file
    bare.close()

    restored = make_crm.blank("customers", database=database)
    restore_backup(restored, file, KEY)
    with pytest.raises(PluginParkedError):
        restored.check_ready()
    apply(restored)
    with restored.read(SYSTEM) as db:
        assert [company.name for company in db.find(Company)] == ["Acme"]


def test_backup_in_another_currency_is_refused(make_crm, tmp_path):
    file = make_backup(make_crm(company=Owner(currency="CNY")), tmp_path / "crm.backup", KEY).file

    with pytest.raises(RestoreRefusedError, match="its totals are in CNY, those of this company in EUR"):
        restore_backup(make_crm.blank(), file, KEY)


@both_databases
def test_broken_ledger_is_restored_as_it_was_and_told(lived, blank, tmp_path, database):
    with lived.storage.writing() as connection:
        connection.exec_driver_sql("DELETE FROM core_ledger_payload WHERE ledger_id = 3")
    file = make_backup(lived, tmp_path / "crm.backup", KEY).file

    done = restore_backup(blank(database), file, KEY)
    assert (done.broken.row, done.broken.code) == (3, "ledger-broken")


def test_backup_is_never_overwritten(lived, backup):
    before = backup.read_bytes()
    with pytest.raises(BackupTargetError, match="is there already"):
        make_backup(lived, backup, KEY)

    assert backup.read_bytes() == before
    assert backup.stat().st_mode & 0o777 == 0o600


def test_manifest_says_what_the_backup_is_of(lived, backup):
    manifest = check_backup(backup, KEY).manifest

    with lived.storage.reading() as connection:
        rows = verify_ledger(connection, lived.schema)
    counts = {table.name: table.rows for table in manifest.tables}
    assert counts["core_ledger"] == rows == int(manifest.anchor.partition(":")[0])
    assert (manifest.dialect, manifest.currency, manifest.company) == ("sqlite", "EUR", "My company")
    assert manifest.plugins == {"atelier": "1.0.0"}
    assert "core_0001" in manifest.revisions
