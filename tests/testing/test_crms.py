"""Fresh databases: what is in them, and that nothing of one test reaches the next."""

import gc

import pytest
import sqlalchemy as sa

from crmkit import Record, Team, Text, entity, field
from crmkit.core.migrating import check
from crmkit.core.plugins import PluginError
from crmkit.core.text import Text as Words
from crmkit.testing import both_databases, plugin


@entity("shelf.book", label=Words("Book"))
class Book(Record):
    title: str = field(Text(max=100))


SHELF = plugin("shelf", entities=[Book])


@both_databases
def test_crms_of_one_test_share_no_data(make_crm, database):
    first, second = make_crm(database=database), make_crm(database=database)
    with first.system("test") as db:
        db.create(Team(name="only here"))

    with second.system("test") as db:
        assert db.count(Team) == 0


@both_databases
def test_database_is_what_apply_makes(make_crm, database):
    assert check(make_crm(database=database)) == ()


@both_databases
def test_throwaway_plugin_has_its_tables_whenever_it_is_used(make_crm, database):
    for _ in range(3):
        crm = make_crm(SHELF, database=database)
        with crm.system("test") as db:
            assert db.create(Book(title="Faust")).version == 1
            assert db.count(Book) == 1


@both_databases
def test_crms_of_the_same_plugins_build_their_tables_once(make_crm, database):
    first, second = make_crm(SHELF, database=database), make_crm(SHELF, database=database)

    assert first.schema.metadata is second.schema.metadata
    assert first.registry is second.registry
    assert first.model.statements is second.model.statements


@both_databases
def test_throwaway_plugin_that_declares_the_same_again_builds_nothing_again(make_crm, database):
    again = plugin("shelf", entities=[Book])
    assert make_crm(SHELF, database=database).registry is make_crm(again, database=database).registry
    other = plugin("shelf", entities=[Book], version="1.1.0")
    assert make_crm(SHELF, database=database).registry is not make_crm(other, database=database).registry


def test_further_crm_is_a_copy_that_takes_no_statement(make_crm):
    make_crm(SHELF), make_crm(SHELF)
    seen = []

    def see(_connection, _cursor, statement, *_rest):
        seen.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", see)
    make_crm(SHELF)
    sa.event.remove(sa.Engine, "before_cursor_execute", see)

    assert seen == []


def test_access_of_one_crm_is_not_that_of_its_sibling(make_crm):
    first, second = make_crm(), make_crm()

    assert first.model.accesses is not second.model.accesses


@both_databases
def test_statements_prepared_for_one_database_serve_the_next(make_crm, database):
    @entity("loose.end", label=Words("Loose end"))
    class LooseEnd(Record):
        name: str

    loose = plugin("loose", entities=[LooseEnd])
    for number in range(3):
        with make_crm(loose, database=database).system("test") as db:
            db.create_many([LooseEnd(name=str(n)) for n in range(number)])
            assert len(db.find(LooseEnd, LooseEnd.f.name != "x", order_by="-name")) == number


@pytest.mark.long
def test_databases_are_deleted_at_the_end_of_the_test(make_crm, crmkit_session):
    crm = make_crm()
    path = crmkit_session.fast_folder / f"{crm.storage.url.database}"
    with crm.system("test") as db:
        db.count(Team)
    assert path.exists()

    make_crm.clear()
    gc.collect()

    assert list(path.parent.glob(f"{path.name}*")) == []


@pytest.mark.postgresql
def test_postgresql_databases_are_dropped_at_the_end_of_the_test(make_crm, postgresql_url):
    name = make_crm(database="postgresql").storage.url.database
    make_crm.clear()

    engine = sa.create_engine(postgresql_url)
    with engine.connect() as connection:
        assert connection.scalars(sa.text("SELECT 1 FROM pg_database WHERE datname = :n"), {"n": name}).all() == []
    engine.dispose()


def test_plugin_that_is_not_installed_is_named(make_crm):
    with pytest.raises(PluginError, match="nosuch: this plugin is not installed"):
        make_crm("nosuch")


def test_throwaway_plugin_finds_those_it_requires_beside_it(make_crm):
    lender = plugin("lender", requires=["shelf"])

    assert [p.name for p in make_crm(lender, SHELF).plugins] == ["shelf", "lender"]
