"""Definitions made at run time: who notices a change, when, and what it costs."""

import pytest
import sqlalchemy as sa

from crmkit import CRM, Move, Pipeline, Principal, Stage, Team
from crmkit.core.definitions import Definitions
from crmkit.core.registry import Claim
from crmkit.core.text import Text
from crmkit.testing import both_databases

SYSTEM = Principal(None, "system", "test")


def pipelines_named_like_teams(connection, schema):
    """A pipeline for each team stands for any kind of definition: teams are written at run time."""
    team = schema.tables["core_team"]
    for name in connection.scalars(sa.select(team.c.name).where(team.c.deleted_at.is_(None)).order_by(team.c.id)):
        stages = [Stage("new", Text("New"), required=["nosuch"] if name == "broken" else [])]
        yield Claim("sales", Pipeline(f"sales.{name}", "sales.deal", Text(name), stages, [Move("*", "new")]))


class Defined(CRM):
    """A CRM in which teams define pipelines."""

    definitions = (Definitions(frozenset({"core.team"}), pipelines_named_like_teams),)


@pytest.fixture
def open_crm(make_crm, database):
    pattern, opened = make_crm("sales", database=database), []

    def open_another():
        opened.append(Defined(pattern.config, plugins=pattern.plugins, clock=pattern.clock))
        return opened[-1]

    yield open_another
    for crm in opened:
        crm.close()


@pytest.fixture
def crm(open_crm):
    return open_crm()


def define(crm, *names):
    with crm.system("test") as db:
        return db.create_many([Team(name=name) for name in names])


def pipelines(db):
    return {pipeline.id for pipeline in db.model.registry.pipelines_of("sales.deal")}


@both_databases
def test_next_reader_and_writer_have_what_was_defined(crm):
    define(crm, "export")

    with crm.read(SYSTEM) as db:
        assert "sales.export" in pipelines(db)
    with crm.system("test") as db:
        assert "sales.export" in pipelines(db)
        db.delete(db.find(Team)[0])
    with crm.read(SYSTEM) as db:
        assert "sales.export" not in pipelines(db)


@both_databases
def test_reader_keeps_the_model_with_which_it_began(crm):
    with crm.read(SYSTEM) as before:
        define(crm, "export")
        with crm.read(SYSTEM) as after:
            assert pipelines(after) - pipelines(before) == {"sales.export"}


@both_databases
def test_other_process_notices_when_it_next_reads(crm, open_crm, people_of):
    other = open_crm()
    with other.read(SYSTEM) as db:
        assert "sales.export" not in pipelines(db)

    define(crm, "export")

    with other.read(people_of(other)) as db:
        assert "sales.export" in pipelines(db)


@pytest.fixture
def people_of():
    from crmkit.testing.people import People

    return lambda crm: People(crm).user("Anna", roles=["core.member"])


def test_nobody_pays_a_statement_for_noticing(crm, people_of):
    anna, seen = people_of(crm), []
    with crm.read(anna) as db:
        team = define(crm, "Export")[0]
        db.count(Team)
    sa.event.listen(crm.storage.engine, "checkout", lambda driver, *_: driver.set_trace_callback(seen.append))

    for _warm in range(2):
        seen.clear()
        with crm.read(anna) as db:
            db.get(Team, team.id)

    assert [statement.split()[0] for statement in seen] == ["PRAGMA", "BEGIN", "SELECT", "SELECT", "COMMIT"]


@both_databases
def test_definition_that_is_rolled_back_was_never_there(crm):
    with pytest.raises(RuntimeError), crm.system("test") as db:
        db.create(Team(name="export"))
        raise RuntimeError

    with crm.read(SYSTEM) as db:
        assert "sales.export" not in pipelines(db)


@both_databases
def test_definition_undone_by_an_attempt_changes_no_model(crm):
    model = crm.model

    with crm.system("test") as db, pytest.raises(RuntimeError), db.attempt():
        db.create(Team(name="export"))
        raise RuntimeError

    with crm.read(SYSTEM) as db:
        assert db.model is model


@both_databases
def test_pipeline_made_at_run_time_takes_the_place_of_a_shipped_one(crm):
    shipped = crm.registry.pipelines_of("sales.deal")[0]
    define(crm, shipped.id.partition(".")[2])

    with crm.read(SYSTEM) as db:
        (found,) = (each for each in db.model.registry.pipelines_of("sales.deal") if each.id == shipped.id)
        assert [stage.slug for stage in found.stages] == ["new"]


@both_databases
def test_definition_that_does_not_fit_is_left_out_and_told(crm):
    define(crm, "broken", "whole")

    with crm.read(SYSTEM) as db:
        assert {"sales.whole"} == {name for name in pipelines(db) if name in ("sales.whole", "sales.broken")}
        assert [str(reason) for reason in db.model.registry.left_out] == [
            "sales.broken.new: requires the unknown field 'nosuch'"
        ]


@both_databases
def test_model_without_definitions_is_the_one_of_the_code(crm):
    coded = crm.model
    with crm.read(SYSTEM):
        assert crm.model is coded


@both_databases
def test_new_model_shares_the_tables_and_the_statements_that_write(crm):
    old = crm.model
    before = [getattr(old, shared) for shared in ("schema", "ledger", "numbers", "visits", "epochs")]
    define(crm, "export")

    with crm.read(SYSTEM) as db:
        assert db.model is not old
        assert [db.model.schema, db.model.ledger, db.model.numbers, db.model.visits, db.model.epochs] == before


@both_databases
def test_worker_knows_what_was_defined_before_it_tells_of_it(crm, open_crm, make_worker):
    other = open_crm()
    worker = make_worker(other)
    define(crm, "export")
    worker.run_until_idle()
    assert "sales.export" in {pipeline.id for pipeline in other.registry.pipelines_of("sales.deal")}
