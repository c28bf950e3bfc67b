"""Any change of a single row of the ledger, of its values or of its head, made behind crmkit's back, is found."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings, strategies as st

from crmkit.core.verifying.ledger import Anchor, AnchorError, examine_ledger, read_head, verify_ledger
from crmkit.testing import both_databases
from tests.core.atelier import Artist, Commission
from tests.core.test_ledger import without_triggers

TABLES = ("core_ledger", "core_ledger_payload", "core_ledger_head")


@pytest.fixture
def filled(crm, master):
    for number in range(4):
        with crm.write(master, cause=f"test {number % 2}", request_id=f"r-{number}" if number % 2 else None) as db:
            artist = db.create(Artist(name=f"Ada {number}"))
            db.update(artist, name="Bea")
    with crm.system("test") as db:
        db.create(Commission(title="Sea"))
    with crm.storage.writing() as connection:
        without_triggers(crm, connection)
    return crm


class Undone(Exception):
    pass


@both_databases
@given(data=st.data())
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_change_of_any_one_row_is_found(filled, data):
    with pytest.raises(Undone), filled.storage.writing() as connection:
        assert list(examine_ledger(connection, filled.schema)) == []
        deed = attack(connection, data.draw)
        assert list(examine_ledger(connection, filled.schema)), deed
        raise Undone


def attack(connection, draw):
    """Change, remove or add a row, or exchange a value of two rows, and return what was done."""
    table = sa.Table(draw(st.sampled_from(TABLES)), sa.MetaData(), autoload_with=connection)
    key = next(iter(table.primary_key))
    rows = [row._mapping for row in connection.execute(sa.select(table).order_by(key))]
    deed = draw(st.sampled_from(["edit", "remove", "add", "exchange"] if len(rows) > 1 else ["edit", "remove", "add"]))
    row = draw(st.sampled_from(rows))
    if deed == "remove":
        connection.execute(sa.delete(table).where(key == row[key.name]))
    elif deed == "add":
        number = draw(st.sampled_from([-1, *range(len(rows) + 1, len(rows) + 4), 10**6]))
        connection.execute(sa.insert(table).values({**row, key.name: number}))
    elif deed == "edit":
        column = draw(st.sampled_from(list(table.columns)))
        value = other(row[column.name], column, draw)
        connection.execute(sa.update(table).where(key == row[key.name]).values({column.name: value}))
    else:
        return table.name, deed, exchange(connection, table, key, rows, draw)
    return table.name, deed, dict(row)


def exchange(connection, table, key, rows, draw):
    """Give two rows each other's value of a column; a key goes with all that stands behind it."""
    names = [c.name for c in table.columns if c is not key]
    pairs = [(a, b, n) for a in rows for b in rows for n in names if a[key.name] < b[key.name] and a[n] != b[n]]
    one, two, name = draw(st.sampled_from(pairs))
    changed = names if draw(st.booleans()) else [name]
    for row, source in ((one, two), (two, one)):
        given = {name: source[name] for name in changed}
        connection.execute(sa.update(table).where(key == row[key.name]).values(given))
    return dict(one), dict(two), changed


def other(value, column, draw):
    """Return another value than *value* for *column*."""
    match value:
        case None:
            return "r-9" if column.name == "request_id" else draw(nobody(column))
        case int():
            return value + draw(st.sampled_from([-1000, 1000, 10**6]))
        case bytes():
            place, bit = draw(st.integers(0, len(value) - 1)), draw(st.integers(0, 7))
            return value[:place] + bytes([value[place] ^ (1 << bit)]) + value[place + 1 :]
        case UUID():
            return UUID(int=value.int ^ 1)
        case datetime():
            return value + timedelta(microseconds=1)
        case str() if column.name == "at":
            return (datetime.fromisoformat(value) + timedelta(microseconds=1)).isoformat(timespec="microseconds")
        case str():
            return draw(st.sampled_from([value + " ", value + "\x1f1", value[:-1], value.upper() + "!"]))


def nobody(column):
    """Return ids that could stand where nobody's does."""
    ids = st.sampled_from([UUID(int=0), UUID(int=1)])
    return ids if isinstance(column.type, sa.Uuid) else ids.map(lambda id_: id_.bytes)


@both_databases
def test_finding_names_the_row_and_nothing_else(filled):
    with filled.storage.writing() as connection:
        connection.exec_driver_sql("UPDATE core_ledger SET kind = 'move' WHERE id = 3")
        connection.exec_driver_sql("DELETE FROM core_ledger WHERE id = 5")
        connection.exec_driver_sql("DELETE FROM core_ledger_payload WHERE ledger_id = 7")
        found = [(each.row, str(each).partition(": ")[2]) for each in examine_ledger(connection, filled.schema)]

    assert found == [
        (3, "it was changed."),
        (5, "it is missing."),
        (7, "its values were removed, and its record was not erased."),
        (5, "values were added for a row that is not there."),
    ]


def test_missing_rows_are_told_as_one(filled):
    with filled.storage.writing() as connection:
        connection.exec_driver_sql("UPDATE core_ledger_head SET last_id = 1000000000")
        (broken,) = examine_ledger(connection, filled.schema)

    assert "rows are missing from here on" in str(broken)


@both_databases
def test_chain_that_was_written_anew_does_not_go_through_an_anchor_kept_elsewhere(filled, master):
    with filled.storage.snapshot() as connection:
        anchor = read_head(connection, filled.schema)
        assert verify_ledger(connection, filled.schema, anchor) == anchor.row
    with filled.write(master) as db:
        db.create(Artist(name="Later"))
    with filled.storage.snapshot() as connection:
        assert verify_ledger(connection, filled.schema, Anchor.parse(str(anchor))) == anchor.row + 1

    rewrite(filled)
    with filled.storage.snapshot() as connection:
        assert list(examine_ledger(connection, filled.schema)) == []
        (found,) = examine_ledger(connection, filled.schema, anchor)
    assert found.row == anchor.row
    assert "the chain does not go through the anchor" in str(found)


def rewrite(crm):
    """Empty the ledger and write something else into it, with all that an intruder who knows crmkit can do."""
    with crm.storage.writing() as connection:
        for table in (*TABLES, "core_outbox"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
        connection.execute(sa.insert(crm.schema.system.ledger_head).values(one=1, last_id=0, chain=bytes(32)))
    with crm.system("as if nothing had happened") as db:
        db.create_many([Artist(name=f"Eva {number}") for number in range(30)])


@pytest.mark.parametrize("text", ["", "7", "7:", "x:00", "7:00", "-1:" + "00" * 32, "7:" + "zz" * 32])
def test_text_that_is_no_anchor_is_refused(text):
    with pytest.raises(AnchorError, match="crmkit ledger head prints one"):
        Anchor.parse(text)
