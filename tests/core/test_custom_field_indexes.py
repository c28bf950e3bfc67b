"""Indexes of custom fields: made when asked for, used by lists, gone with the field."""

import pytest
import sqlalchemy as sa

from crmkit.core.custom_fields.entity import CustomField
from crmkit.core.custom_fields.indexing import bring_indexes_up_to_date, missing_indexes
from crmkit.core.jobs.worker import Worker
from crmkit.testing import both_databases
from tests.core.atelier import Commission

pytestmark = both_databases
NAMES = [f"cx_atelier_commission_{scope}custom_size_id" for scope in ("", "owner_id_", "team_id_")]


@pytest.fixture
def field(crm):
    with crm.system("test") as db:
        return db.create(
            CustomField(entity="atelier.commission", key="size", type="integer", label="Size", indexed=True)
        )


def model(crm):
    with crm.system("test") as db:
        return db.model


def test_indexes_are_made_once_and_dropped_with_the_field(crm, field):
    assert missing_indexes(model(crm)) == NAMES
    assert bring_indexes_up_to_date(model(crm)) == NAMES
    assert bring_indexes_up_to_date(model(crm)) == []
    assert missing_indexes(model(crm)) == []

    with crm.system("test") as db:
        db.update(field, indexed=False)
    assert bring_indexes_up_to_date(model(crm)) == NAMES
    assert bring_indexes_up_to_date(model(crm)) == []


@pytest.mark.parametrize("type", ["text", "integer", "decimal", "boolean", "date", "datetime", "choice", "percent"])
def test_index_serves_filters_and_orders_of_every_type(crm, database, type):
    options = {"choices": ["a"]} if type == "choice" else {}
    with crm.system("test") as db:
        db.create(
            CustomField(entity="atelier.commission", key="it", type=type, label="It", options=options, indexed=True)
        )
    with crm.system("test") as db:
        db.create_many([Commission(title=str(n)) for n in range(300)])
        columns = db.model.schema.table(db.model.registry.entity(Commission)).c
        from crmkit.core.policy.rule_sources import VisibleSource

        field = db.model.registry.field("atelier.commission", "custom.it")
        value = VisibleSource(db.named_visibility, db.model.registry.entity(Commission), columns).value(field)
        listed = sa.select(columns.id).where(columns.deleted_at.is_(None), value.is_not(None)).order_by(value).limit(5)
        bring = db.model
    bring_indexes_up_to_date(bring)

    with crm.storage.reading() as connection:
        if database == "postgresql":
            connection.exec_driver_sql("SET enable_seqscan = off")
        sql = str(listed.compile(dialect=crm.storage.dialect, compile_kwargs={"literal_binds": True}))
        explain = "EXPLAIN QUERY PLAN " if database == "sqlite" else "EXPLAIN "
        plan = "\n".join(str(row) for row in connection.exec_driver_sql(explain + sql))

    assert "cx_atelier_commission_custom_it_id" in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan


def test_worker_makes_the_indexes_that_a_definition_asks_for(crm, field):
    assert missing_indexes(model(crm)) == NAMES

    Worker(crm).run_until_idle()

    assert missing_indexes(model(crm)) == []
