"""What guards the ledger in the database itself, and what else lies there beside tables."""

import pytest
import sqlalchemy as sa

from crmkit import Number, Record, entity, field
from crmkit.core.policy.people import Team
from crmkit.core.text import Text
from crmkit.core.verifying.ledger import LedgerBrokenError, verify_ledger
from crmkit.testing import both_databases, plugin


@pytest.fixture
def crm(make_crm, database):
    crm = make_crm(database=database)
    with crm.system("test") as db:
        db.create(Team(name="North"))
    return crm


@both_databases
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE core_ledger SET cause = 'nobody'",
        "DELETE FROM core_ledger",
        "UPDATE core_ledger_payload SET changes = '{}'",
    ],
)
def test_ledger_refuses_to_be_changed(crm, database, statement):
    with pytest.raises(sa.exc.DBAPIError, match="may not be changed"), crm.storage.writing() as connection:
        connection.exec_driver_sql(statement)

    with crm.storage.reading() as connection:
        assert verify_ledger(connection, crm.schema) > 0


@pytest.mark.postgresql
@pytest.mark.parametrize("database", ["postgresql"])
@pytest.mark.parametrize("table", ["core_ledger", "core_ledger_payload"])
def test_ledger_refuses_to_be_emptied(crm, database, table):
    with pytest.raises(sa.exc.DBAPIError, match="may not be changed"), crm.storage.writing() as connection:
        connection.exec_driver_sql(f"TRUNCATE {table}")


@both_databases
def test_payload_of_the_ledger_may_be_deleted_but_not_without_the_erasure_of_its_record(crm, database):
    with crm.storage.writing() as connection:
        connection.exec_driver_sql("DELETE FROM core_ledger_payload")

    with crm.storage.reading() as connection, pytest.raises(LedgerBrokenError):
        verify_ledger(connection, crm.schema)


@both_databases
def test_fold_is_that_of_python(crm, database):
    with crm.storage.reading() as connection:
        assert connection.scalar(sa.select(sa.func.crm_fold("STRASSE ß Ä İ 中"))) == "STRASSE ß Ä İ 中".casefold()


@both_databases
def test_numbers_have_a_counter(make_crm, database):
    @entity("shop.order", label=Text("Order"))
    class Order(Record):
        number: str | None = field(Number(prefix="O"), default=None)

    crm = make_crm(plugin("shop", entities=[Order]), database=database)

    with crm.system("test") as db:
        assert [db.create(Order()).number for _ in range(2)] == ["O-000001", "O-000002"]
