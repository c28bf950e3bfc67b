"""The ledger: one row for each record written, that nobody edits unnoticed."""

import pytest
import sqlalchemy as sa

from crmkit import Grant, Mask, User, new_id
from crmkit.core.ledger import ERASED, Entry
from crmkit.core.policy.principal import ReasonError
from crmkit.core.verifying.ledger import LedgerBrokenError, verify_ledger
from crmkit.testing import both_databases
from tests.core.atelier import Artist, Commission


def verify(crm):
    with crm.storage.reading() as connection:
        return verify_ledger(connection, crm.schema)


@pytest.fixture
def written(crm, master):
    with crm.write(master, cause="test") as db:
        artist = db.create(Artist(name="Ada"))
        artist = db.update(artist, name="Ada Lovelace")
    with crm.write(master) as db:
        db.delete(artist)
    return artist


@both_databases
def test_history_tells_what_changed_by_whom_and_why(crm, master, written):
    with crm.write(master) as db:
        back = db.restore(Artist, written.id)
    with crm.read(master) as db:
        created, changed, deleted, restored = db.history(back)

    assert created.changes["name"] == (None, "Ada")
    assert changed.changes == {"name": ("Ada", "Ada Lovelace")}
    assert (changed.kind, changed.cause, changed.principal_id) == ("update", "test", master.user_id)
    assert [entry.kind for entry in (deleted, restored)] == ["delete", "restore"]
    assert changed.at == crm.clock.now()


@both_databases
def test_history_masks_with_the_rights_of_today(crm, master, painter):
    with crm.write(master) as db:
        artist = db.create(Artist(name="Ada", notes="difficult"))

    with crm.read(painter) as db:
        (entry,) = db.history(artist)

    assert "notes" not in entry.changes
    assert entry.changes["name"] == (None, "Ada")


@both_databases
def test_history_of_a_record_is_not_that_of_another_entitys_record_with_the_same_id(crm, master, painter):
    with crm.write(master) as db:
        hidden = db.create(Commission(title="Secret commission"))
    with crm.write(painter) as db:
        mine = db.create(Artist(id=hidden.id, name="Ada"))

    with crm.read(painter) as db:
        assert [entry.changes for entry in db.history(mine)] == [{"name": (None, "Ada")}]
    with crm.read(master) as db:
        assert [entry.changes["title"] for entry in db.history(hidden)] == [(None, "Secret commission")]


@both_databases
def test_ids_are_gapless_and_each_transaction_announces_its_span(crm, master, written):
    system = crm.schema.system
    with crm.storage.reading() as connection:
        ids = connection.scalars(sa.select(system.ledger.c.id).order_by(system.ledger.c.id)).all()
        spans = connection.execute(
            sa.select(system.outbox.c.first_id, system.outbox.c.last_id).order_by(system.outbox.c.first_id)
        ).all()

    assert ids == list(range(1, len(ids) + 1))
    assert [n for first, last in spans for n in range(first, last + 1)] == ids


@both_databases
def test_the_ledger_verifies_and_counts_its_rows(crm, written):
    assert verify(crm) > 3


EDITS = {
    "a value": "UPDATE core_ledger_payload SET changes = replace(changes, 'Sea', 'Bob') WHERE ledger_id = {last}",
    "a salt": "UPDATE core_ledger_payload SET salt = chain FROM core_ledger WHERE id = ledger_id AND id = {last}",
    "a kind": "UPDATE core_ledger SET kind = 'update' WHERE id = {last}",
    "a cause": "UPDATE core_ledger SET cause = 'nothing' WHERE id = {middle}",
    "an author": "UPDATE core_ledger SET principal_id = NULL WHERE id = {middle}",
    "a depth": "UPDATE core_ledger SET depth = 4 WHERE id = {middle}",
    "a time": "UPDATE core_ledger SET at = (SELECT min(at) FROM core_ledger) WHERE id = {last}",
    "a row gone": "DELETE FROM core_ledger WHERE id = {middle}",
    "the newest row gone": "DELETE FROM core_ledger WHERE id = {last}",
    "the first row gone": "DELETE FROM core_ledger WHERE id = 1",
    "the head": "UPDATE core_ledger_head SET last_id = last_id + 1",
}


def without_triggers(crm, connection):
    """Stand for an intruder who owns the database."""
    if crm.storage.is_sqlite:
        names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all()
        for name in names:
            connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
    else:
        for table in ("core_ledger", "core_ledger_payload"):
            connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")


@both_databases
@pytest.mark.parametrize("edit", EDITS)
def test_every_edit_behind_its_back_is_found(crm, written, edit):
    crm.clock.advance(hours=1)
    with crm.system("later") as db:
        db.create(Commission(title="Sea"))
    last = verify(crm)
    with crm.storage.writing() as connection:
        without_triggers(crm, connection)
        touched = connection.exec_driver_sql(EDITS[edit].format(last=last, middle=last - 2)).rowcount
    assert touched == 1

    with pytest.raises(LedgerBrokenError):
        verify(crm)


@both_databases
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE core_ledger SET kind = 'update'",
        "DELETE FROM core_ledger",
        "UPDATE core_ledger_payload SET changes = '{}'",
    ],
)
def test_the_database_itself_refuses_to_change_the_ledger(crm, written, statement):
    with pytest.raises(sa.exc.DBAPIError), crm.storage.writing() as connection:
        connection.exec_driver_sql(statement)


@both_databases
def test_erasing_values_keeps_the_chain(crm, master, written):
    payload = crm.schema.system.ledger_payload
    before = verify(crm)
    erased = Entry("atelier.artist", written.id, ERASED, {}, "request of the person", 0)
    with crm.storage.writing() as connection:
        connection.execute(sa.delete(payload).where(payload.c.ledger_id == before))
        crm.model.ledger.append(connection, [erased], crm.clock.now(), None, None)

    assert verify(crm) == before + 1
    with crm.write(master) as db:
        back = db.restore(Artist, written.id)
        assert [entry.changes is None for entry in db.history(back)] == [False, False, True, False, False]


@both_databases
def test_the_system_leaves_its_reason(crm):
    with crm.system("yearly clean-up") as db:
        artist = db.create(Artist(name="Ada"))
        (entry,) = db.history(artist)

    assert (entry.cause, entry.principal_id) == ("system: yearly clean-up", None)


@both_databases
@pytest.mark.parametrize("reason", ["", " ", "\n", "x" * 191])
def test_the_system_acts_for_a_stated_reason(crm, reason):
    before = verify(crm)
    with pytest.raises(ReasonError, match="The system acts for a reason that the ledger can keep"), crm.system(reason):
        raise AssertionError("it acted")

    with crm.system("x" * 190) as db:
        db.create(Artist(name="Ada"))
    assert verify(crm) == before + 1


@both_databases
def test_the_reason_of_the_system_is_told_to_the_system_alone(crm, master):
    with crm.system("looking into what Berthe does") as db:
        artist = db.create(Artist(name="Ada"))

    with crm.read(master) as db:
        assert [entry.cause for entry in db.history(artist)] == ["system"]


@both_databases
@pytest.mark.parametrize("fate", ["kept", "deleted"])
def test_a_cause_is_told_to_those_who_see_who_wrote(crm, people, master, fate):
    blind = people.user("Blanche", roles=["atelier.painter"], member=False)
    nameless = people.role("nameless", [Grant("core.user", ["read"], "all")], [Mask("core.user", ["name"])])
    faceless = people.user("Faust", roles=["atelier.painter", nameless], member=False)
    keeper = people.user("Karla", roles=["core.administrator"])
    with crm.write(blind) as db:
        mine = db.create(Artist(name="Ada"))
    gone = people.user("Gaston", roles=["atelier.master"])
    with crm.write(gone, cause="import of Gaston's list") as db:
        db.update(db.get(Artist, mine.id), name="Eva")
    with crm.system("test") as db:
        if fate == "deleted":
            db.delete(db.get(User, gone.user_id))

    told = {}
    for person in (blind, faceless, master, keeper):
        with crm.read(person) as db:
            told[person] = [entry.cause for entry in db.history(mine)]
    assert told[blind] == ["Blanche", ""]
    assert told[faceless] == ["", ""]
    assert told[master] == ["Blanche", "import of Gaston's list" if fate == "kept" else ""]
    assert told[keeper] == ["Blanche", "import of Gaston's list"]


@both_databases
def test_a_transaction_that_is_rolled_back_leaves_no_row(crm, master):
    before = verify(crm)
    with pytest.raises(ZeroDivisionError), crm.write(master) as db:
        db.create(Artist(name="Ada"))
        raise ZeroDivisionError

    assert verify(crm) == before


@both_databases
def test_history_inside_a_transaction_knows_what_it_has_written(crm, master):
    with crm.write(master) as db:
        artist = db.create(Artist(name="Ada"))
        assert [entry.kind for entry in db.history(artist)] == ["create"]
        artist = db.update(artist, name="Bea")
        assert [entry.kind for entry in db.history(artist)] == ["create", "update"]
    verify(crm)


def test_request_ids_are_kept(crm, master):
    with crm.write(master, request_id="r-1") as db:
        db.create(Artist(id=new_id(), name="Ada"))
    with crm.storage.reading() as connection:
        ledger = crm.schema.system.ledger
        newest = sa.select(ledger.c.request_id).order_by(ledger.c.id.desc()).limit(1)
        assert connection.scalar(newest) == "r-1"


def test_history_shows_money_as_amount_and_currency(crm, master):
    from crmkit import Money

    with crm.write(master) as db:
        made = db.create(Commission(title="Sea", price=Money.of("12.50", "EUR")))
        (entry,) = db.history(made)

    assert entry.changes["price"] == (None, {"amount": "12.50", "currency": "EUR"})
