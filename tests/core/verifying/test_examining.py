"""Whatever no longer is what crmkit wrote is found, with its row and what mends it."""

from datetime import timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from crmkit import Money, new_id
from crmkit.core.ledger import ERASED, Entry
from crmkit.core.verifying import examine
from crmkit.testing import both_databases
from tests.core.atelier import Artist, Commission, Invoice


def findings(crm):
    with crm.storage.snapshot() as connection:
        return [(each.check, each.table, each.sentence) for each in examine(crm.model, connection)]


@pytest.fixture
def lived(crm, master):
    """A CRM in which everything has happened that is written down."""
    with crm.write(master) as db:
        ada = db.create(Artist(name="Ada", fee=Decimal("1.5"), email="ada@example.org"))
        ada = db.update(ada, {"atelier.remark": "late", "fee": Decimal("2")})
        sea = db.create(Commission(title="Sea", artist_id=ada.id, price=Money.of("12.50", "EUR"), hours=3))
        db.create(Invoice(commission_id=sea.id, reviewer_id=ada.id))
    crm.clock.advance(hours=1)
    with crm.write(master) as db:
        sea = db.move(db.get(Commission, sea.id), "sketched")
        db.transfer(sea, None)
    with crm.write(master) as db:
        gone = db.create(Artist(name="Gone"))
        db.delete(gone)
        db.restore(Artist, gone.id)
    return crm


def change(crm, sql, **given):
    with crm.storage.altering() as connection:
        if not crm.storage.is_sqlite:
            # As the one who administers the server can.
            connection.exec_driver_sql("SET session_replication_role = replica")
        touched = connection.execute(sa.text(sql), given).rowcount
        if not crm.storage.is_sqlite:
            connection.exec_driver_sql("SET session_replication_role = origin")
    assert touched == 1


@both_databases
def test_what_crmkit_wrote_is_what_it_finds(lived):
    assert findings(lived) == []


BY_HAND = {
    "UPDATE atelier_artist SET name = 'Eva' WHERE name = 'Ada'": (
        ("history", "atelier_artist", "not what its history says: name"),
        ("search", "atelier_artist", "is found by other words than it has"),
    ),
    "UPDATE atelier_artist SET notes = 'difficult' WHERE name = 'Ada'": (
        ("history", "atelier_artist", "not what its history says: notes"),
    ),
    "UPDATE atelier_artist SET fee = 210 WHERE name = 'Ada'": (
        ("history", "atelier_artist", "not what its history says: fee"),
    ),
    "UPDATE atelier_atelier_artist SET stars = 5": (
        ("history", "atelier_artist", "not what its history says: atelier.stars"),
    ),
    "UPDATE atelier_commission SET price_minor = 1251": (
        ("history", "atelier_commission", "not what its history says: price"),
    ),
    "UPDATE atelier_artist SET version = 9 WHERE name = 'Ada'": (
        ("history", "atelier_artist", "has version 9, but was written 2 times"),
    ),
    "DELETE FROM atelier_invoice": (("history", "atelier_invoice", "the ledger knows it, but it is not there"),),
    "UPDATE atelier_commission SET stage = 'dropped'": (
        ("history", "atelier_commission", "not what its history says: stage"),
        ("visits", "atelier_commission", "no open visit says where it stands and since when"),
    ),
    "DELETE FROM core_stage_visit WHERE left_at IS NULL": (
        ("visits", "atelier_commission", "no open visit says where it stands and since when"),
    ),
    "UPDATE core_stage_visit SET left_at = entered_at WHERE left_at IS NOT NULL": (
        ("visits", "atelier_commission", "a visit ends at another time than the next one begins"),
    ),
    "UPDATE core_stage_visit SET left_at = NULL WHERE left_at IS NOT NULL": (
        ("visits", "atelier_commission", "several visits are open"),
        ("visits", "atelier_commission", "a visit ends at another time than the next one begins"),
    ),
}


@both_databases
@pytest.mark.parametrize("sql", BY_HAND)
def test_change_past_crmkit_is_found(lived, sql):
    change(lived, sql)

    assert findings(lived) == list(BY_HAND[sql])


@both_databases
def test_record_that_nobody_created_is_found(lived):
    with lived.storage.writing() as connection:
        artist = lived.schema.tables["atelier_artist"]
        row = connection.execute(sa.select(artist).limit(1)).one()._asdict()
        made = {**row, "id": new_id(), "email": None}
        connection.execute(sa.insert(artist).values(made))

    assert findings(lived) == [
        ("history", "atelier_artist", "the ledger does not know it"),
        ("search", "atelier_artist", "is found by other words than it has"),
    ]


@pytest.mark.long
@both_databases
def test_reference_to_a_row_that_is_gone_is_found(lived):
    change(lived, "DELETE FROM atelier_commission")

    found = findings(lived)
    assert any(check == "references" and "which is not in atelier_commission" in said for check, _table, said in found)
    assert ("history", "atelier_commission", "the ledger knows it, but it is not there") in found
    assert ("visits", "atelier_commission", "visits are kept of a record that is not there") in found


OUTBOX = ("DELETE FROM core_outbox", "UPDATE core_outbox SET last_id = last_id + 1")


@both_databases
@pytest.mark.parametrize("sql", OUTBOX)
@pytest.mark.parametrize("which", ["min", "max"])
def test_outbox_that_leaves_something_out_or_tells_it_twice_is_found(lived, sql, which):
    with lived.storage.reading() as connection:
        first = connection.exec_driver_sql(f"SELECT {which}(first_id) FROM core_outbox").scalar()
    change(lived, f"{sql} WHERE first_id = {first}")

    assert {(check, table) for check, table, _said in findings(lived)} == {("outbox", "core_outbox")}


@both_databases
def test_erased_history_explains_what_it_no_longer_tells(lived, master):
    with lived.read(master) as db:
        (ada,) = db.find(Artist, 'name == "Ada"')
    erased = Entry("atelier.artist", ada.id, ERASED, {}, "request of the person", 0)
    ledger, payload = lived.schema.system.ledger, lived.schema.system.ledger_payload
    with lived.storage.writing() as connection:
        hers = sa.select(ledger.c.id).where(ledger.c.record_id == ada.id, ledger.c.entity == "atelier.artist")
        connection.execute(sa.delete(payload).where(payload.c.ledger_id.in_(hers)))
        span = lived.model.ledger.append(connection, [erased], lived.clock.now(), None, None)
        lived.model.ledger.announce(connection, *span, lived.clock.now())
        artist = lived.schema.tables["atelier_artist"]
        connection.execute(sa.update(artist).where(artist.c.id == ada.id).values(name="-", email=None))
        document = lived.schema.system.search_document
        connection.execute(sa.delete(document).where(document.c.record_id == ada.id))

    assert findings(lived) == []


def test_damaged_file_is_found(lived):
    with lived.storage.reading() as connection:
        page = connection.exec_driver_sql(
            "SELECT rootpage FROM sqlite_master WHERE name = 'ix_core_ledger_record_id_id'"
        ).scalar()
    lived.close()
    with open(lived.storage.url.database, "r+b") as file:
        # What the index holds stands at the end of its page.
        file.seek(page * 4096 - 30)
        file.write(b"\x00" * 20)

    with lived.storage.snapshot() as connection:
        first = next(examine(lived.model, connection))
    assert (first.check, "SQLite says" in first.sentence) == ("database", True)
    assert "crmkit restore" in first.advice


@pytest.mark.long
@both_databases
def test_clock_of_the_machine_plays_no_part(lived):
    lived.clock.advance(days=-3650)
    assert findings(lived) == []
    lived.clock.advance(seconds=timedelta(days=7300).total_seconds())
    assert findings(lived) == []
