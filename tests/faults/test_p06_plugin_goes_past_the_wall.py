"""P06: plugins that reach for raw SQL, the engine, or a table that nobody issued are refused, and it is kept."""

from contextlib import suppress

import attrs
import pytest
import sqlalchemy as sa

from crmkit import CrmkitError, NotFoundError, StatementRefusedError, Subscriber, Trigger
from crmkit.cli.checkup_doors import examine_doors
from crmkit.core.doors_tried import attempts
from crmkit.core.side_doors import SideDoorError
from crmkit.core.writing.changes import creation
from crmkit.testing import People, both_databases, plugin
from tests.faults.agreement import check_agreement
from tests.faults.till import SYSTEM, TILL, Order

pytestmark = both_databases


def table_of(db):
    return db.model.schema.tables["till_order"]


# What a plugin finds by public names on the reader that it is given.
DOORS = {
    "connection": lambda db: db.connection,
    "storage": lambda db: db.model.storage.engine,
    "keys": lambda db: db.model.schema.keys.key(1),
    "rows_for": lambda db: db.rows_for(("x",), lambda: sa.text("SELECT * FROM till_order"), {}),
    "rows_by_ids": lambda db: db.rows_by_ids(("x",), lambda number: sa.select(table_of(db)), [Order(name="x").id]),
    "ids_by_ids": lambda db: db.ids_by_ids(("x",), lambda number: sa.select(table_of(db).c.id), [Order(name="x").id]),
}
STATEMENTS = {
    "text": lambda db: sa.text("SELECT * FROM till_order"),
    "text as a select": lambda db: sa.select(sa.text("name FROM till_order")),
    "text with columns": lambda db: sa.text("SELECT name FROM till_order").columns(sa.column("name")),
    "literal column": lambda db: sa.select(sa.literal_column("(SELECT max(name) FROM till_order)")),
    "naked table": lambda db: sa.select(table_of(db)),
    "table by name": lambda db: sa.select(sa.column("name")).select_from(sa.table("till_order")),
    "table out of a safe relation": lambda db: sa.select(db.visible(Order).element.get_final_froms()[0]),
    "update": lambda db: sa.update(table_of(db)).values(total=0),
    "delete": lambda db: sa.delete(table_of(db)),
    "in a subquery": lambda db: sa.select(sa.exists().where(db.visible(Order).c.id.in_(sa.select(table_of(db).c.id)))),
}


def tried(crm):
    with crm.storage.reading() as connection:
        return {each.door: (each.module, each.number) for each in attempts(connection, crm.schema)}


@pytest.mark.parametrize("door", DOORS)
def test_p06_hook_finds_no_way_to_the_database_by_a_public_name(make_crm, database, door, caplog):
    def crmkit_check_write(context, writes):
        DOORS[door](context.trusted)

    crm = make_crm(TILL, plugin("rude", hooks=[crmkit_check_write]), database=database)
    with pytest.raises(SideDoorError) as caught, crm.system("test") as db:
        db.create(Order(name="first"))

    assert (caught.value.module, caught.value.door) == (__name__, door)
    assert check_agreement(crm) == {}
    # What was written is gone, what was tried is not.
    assert tried(crm) == {door: (__name__, 1)}
    assert f"{__name__} tried to use {door}" in caplog.text
    (finding,) = examine_doors(crm)
    assert (finding.status, finding.facts["door"]) == ("warn", door)


def test_p06_hook_that_swallows_the_refusal_has_got_nothing_and_is_kept_all_the_same(make_crm, database):
    got = []

    def crmkit_check_write(context, writes):
        for door in DOORS.values():
            with suppress(CrmkitError):
                got.append(door(context.trusted))

    crm = make_crm(TILL, plugin("rude", hooks=[crmkit_check_write]), database=database)
    with crm.system("test") as db:
        db.create(Order(name="first"))

    assert got == []
    assert check_agreement(crm) == {"first": "open"}
    assert tried(crm) == dict.fromkeys(DOORS, (__name__, 1))


@pytest.mark.parametrize("make", STATEMENTS.values(), ids=STATEMENTS)
def test_p06_statement_outside_the_safe_relations_is_refused_and_kept(make_crm, database, make):
    crm = make_crm(TILL, database=database)
    anna = People(crm).user("Anna", roles=["till.everything"])
    with crm.system("test") as db:
        db.create(Order(name="first"))

    with crm.write(anna) as db, pytest.raises(StatementRefusedError):
        db.execute(make(db))

    assert tried(crm) == {"execute": (__name__, 1)}
    assert check_agreement(crm) == {"first": "open"}


def test_p06_subscriber_finds_no_way_to_the_database_either(make_crm, make_worker, database):
    def handle(context, event):
        with context.read() as db:
            db.connection.exec_driver_sql("SELECT 1")

    crm = make_crm(
        TILL, plugin("rude", subscribers=[Subscriber("rude.hear", Trigger("till.order"), handle)]), database=database
    )
    with crm.system("test") as db:
        db.create(Order(name="first"))
    make_worker(crm).run_until_idle()

    assert tried(crm) == {"connection": (__name__, 1)}


def test_p06_plugin_cannot_take_the_writes_or_the_ledger_of_crmkit_into_its_own_hands(make_crm, database):
    crm = make_crm(TILL, database=database)
    nobody = People(crm).user("Nobody")

    with crm.write(nobody) as db:
        for touch in (
            lambda: db.take(creation(Order(name="mine"), trusted=True)),
            lambda: db.note([]),
            lambda: db.finish(),
        ):
            with pytest.raises(SideDoorError):
                touch()

    assert check_agreement(crm) == {}
    assert set(tried(crm)) == {"take", "note", "finish"}


def test_p06_rights_of_a_reader_are_for_life(make_crm, database):
    crm = make_crm(TILL, database=database)
    nobody = People(crm).user("Nobody")
    with crm.system("test") as db:
        order = db.create(Order(name="first"))

    with crm.read(nobody) as db:
        with pytest.raises(AttributeError):
            db.access = db.model.system_access
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            db.access.user_id = None
        with pytest.raises(NotFoundError):
            db.get(Order, order.id)


def test_p06_attempts_are_kept_though_the_database_is_locked_by_the_transaction_they_were_in(
    make_crm, database, caplog
):
    crm = make_crm(TILL, database=database)
    with crm.system("outer") as db:
        db.create(Order(name="first"))
        with crm.read(SYSTEM) as inner, pytest.raises(SideDoorError):
            _ = inner.connection

    assert tried(crm) == {"connection": (__name__, 1)}
    assert not [record for record in caplog.records if "could not keep" in record.message]
