from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import attrs
import pytest
import sqlalchemy as sa
from hypothesis import given, settings, strategies as st
from sqlalchemy import func, select
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.sql.elements import _truncated_label, quoted_name

from crmkit.core.errors import StatementRefusedError
from crmkit.core.gate import check_expression, check_statement
from crmkit.core.gate.lists import FUNCTION_CLASSES
from crmkit.core.gate.nodes import LEAVES, SHAPES
from crmkit.core.gate.walk import Walk
from tests.core.gate_compositions import TRAPS, overflow_trap, statements
from tests.core.gate_hostile import HOSTILE
from tests.core.gate_legitimate import LEGITIMATE, POSTGRESQL_ONLY, SQLITE_ONLY
from tests.core.gate_material import (
    CANARY,
    COMPANY,
    DEAL,
    ME,
    NUMBER,
    SHARE,
    Material,
    fill,
    joined_relation,
    relation,
)  # fmt: skip


@attrs.frozen
class World:
    """The same visible rows twice: among hidden ones, and alone."""

    name: str
    full: sa.Connection
    visible: sa.Connection

    def execute(self, statement: Any, material: Material) -> list[sa.Row[Any]]:
        check_statement(statement, material.issued)
        with self.full.begin_nested():
            return list(self.full.execute(statement))

    def execute_alone(self, statement: Any) -> list[sa.Row[Any]]:
        return list(self.visible.execute(statement))


@contextmanager
def _filled(url: str | sa.URL, *, hidden: bool) -> Iterator[sa.Connection]:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        fill(connection, hidden=hidden)
        yield connection
        connection.rollback()
    engine.dispose()


@pytest.fixture(scope="module")
def sqlite() -> Iterator[World]:
    with _filled("sqlite://", hidden=True) as full, _filled("sqlite://", hidden=False) as visible:
        yield World("sqlite", full, visible)


@contextmanager
def _database(server: str) -> Iterator[sa.URL]:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    name = f"gate_{uuid4().hex}"
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        yield engine.url.set(database=name)
        connection.exec_driver_sql(f"DROP DATABASE {name}")


@pytest.fixture(scope="module")
def postgresql(postgresql_url) -> Iterator[World]:
    with (
        _database(postgresql_url) as one,
        _database(postgresql_url) as two,
        _filled(one, hidden=True) as full,
        _filled(two, hidden=False) as visible,
    ):
        yield World("postgresql", full, visible)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def world(request) -> World:
    return request.getfixturevalue(request.param)


@pytest.fixture
def material() -> Material:
    return Material()


def _shown(rows: list[sa.Row[Any]]) -> list[str]:
    return sorted(repr(tuple(row)) for row in rows)


def _assert_nothing_hidden(rows: list[sa.Row[Any]]) -> None:
    assert not any(secret in row for row in _shown(rows) for secret in (CANARY, str(NUMBER)))


@pytest.mark.parametrize("name", LEGITIMATE)
def test_legitimate_statement_passes_and_only_visible_rows_contribute(world, material, name):
    if name in (POSTGRESQL_ONLY if world.name == "sqlite" else SQLITE_ONLY):
        pytest.skip(f"not a form of {world.name}")
    statement = LEGITIMATE[name](material)

    rows = world.execute(statement, material)

    _assert_nothing_hidden(rows)
    assert _shown(rows) == _shown(world.execute_alone(statement))
    assert _shown(rows) == _shown(world.execute(statement, material)), "a statement may be executed again"


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_statement_is_refused(world, material, name):
    statement = HOSTILE[name](material)

    with pytest.raises(StatementRefusedError):
        world.execute(statement, material)


def test_both_lists_are_long_enough():
    assert len(LEGITIMATE) - len(POSTGRESQL_ONLY) >= 60
    assert len(LEGITIMATE) - len(SQLITE_ONLY) >= 60
    assert len(HOSTILE) >= 60


def test_legitimate_statements_hold_every_listed_kind_of_element(material, monkeypatch):
    met: set[type] = set()
    look = Walk._look

    def noting(walk: Walk) -> None:
        met.add(type(walk.element))
        look(walk)

    monkeypatch.setattr(Walk, "_look", noting)
    for build in LEGITIMATE.values():
        check_statement(build(material), material.issued)

    assert (SHAPES.keys() | LEAVES) - FUNCTION_CLASSES - met == set()


def test_refusal_says_what_and_why(material):
    with pytest.raises(StatementRefusedError, match=r"at func\.pg_sleep: the function is not listed") as caught:
        check_statement(select(func.pg_sleep(material.deal.c.id)), material.issued)

    assert caught.value.code == "statement-refused"
    assert caught.value.node == "func.pg_sleep"
    assert caught.value.reason == "the function is not listed"


def test_hidden_column_is_refused_as_one_that_does_not_exist(material):
    def refusal(name: str) -> str:
        with pytest.raises(StatementRefusedError) as caught:
            check_statement(select(sa.column(name, _selectable=material.deal)), material.issued)
        return str(caught.value).replace(name, "…")

    assert refusal("secret") == refusal("nosuch")
    assert not hasattr(material.deal.c, "secret")


def test_condition_that_may_fail_meets_no_hidden_row(world):
    for trap in TRAPS[world.name]:
        for related in (relation, joined_relation):
            material = Material(related(DEAL))
            assert len(world.execute(select(material.deal.c.id).where(trap(material.deal) == 1), material)) == 5


def test_condition_that_fails_without_the_gate_tells_of_a_hidden_row(world):
    told = ""
    for trap in TRAPS[world.name]:
        deal = Material().deal
        with pytest.raises(sa.exc.DBAPIError) as caught, world.full.begin_nested():
            world.full.execute(select(deal.c.id).where(trap(deal) == 1)).all()
        told += str(caught.value.orig)

    assert (CANARY in told) == (world.name == "postgresql")


PLACES: dict[str, Callable[[Any, Any], Any]] = {
    "where": lambda d, fails: select(d.c.id).where(fails),
    "on": lambda d, fails: select(d.c.id).select_from(d.join(d.alias(), fails)),
    "join": lambda d, fails: select(d.c.id).join(d.alias("other"), fails),
    "having": lambda d, fails: select(d.c.id).group_by(d.c.id, d.c.amount).having(fails),
    "a column of a derived table": lambda d, fails: (
        lambda inner: select(inner.c.id).where(inner.c.x)
    )(select(d.c.id, fails.label("x")).subquery()),
    "a column of a CTE": lambda d, fails: (
        lambda inner: select(inner.c.id).where(inner.c.x)
    )(select(d.c.id, fails.label("x")).cte()),
    "exists": lambda d, fails: select(sa.literal(1)).where(sa.exists().where(fails).correlate(None)),
    "a branch of a union": lambda d, fails: sa.union_all(select(d.c.id).where(fails), select(d.c.id)),
    "a scalar select": lambda d, fails: select(select(func.count(d.c.id)).where(fails).scalar_subquery()),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_condition_that_may_fail_is_fenced_wherever_it_stands(world, material, place):
    fails = overflow_trap(material.deal) == 1

    world.execute(PLACES[place](material.deal, fails), material)

    assert material.deal.element._offset_clause is not None


def test_row_that_must_be_single_meets_no_hidden_row(world, material):
    two = sa.values(sa.column("n", sa.Integer), name="two").data([(1,), (2,)]).cte("two")
    second = select(two.c.n).where(material.deal.c.name == CANARY).scalar_subquery()

    assert world.execute(select(material.deal.c.id).where(second.is_not(None)), material) == []


def _double(d: Any) -> Any:
    return (d.c.amount * 2).label("double")


OUTPUTS: dict[str, Callable[[Any], Any]] = {
    "columns": lambda d: select(_double(d), d.c.amount / d.c.id).order_by(d.c.id).limit(3),
    "an aggregate": lambda d: select(d.c.stage, func.sum(_double(d))).where(d.c.amount > 5).group_by(d.c.stage),
    "a window": lambda d: select(func.sum(_double(d)).over(partition_by=d.c.stage, order_by=d.c.id)),
}
SORTED: dict[str, Callable[[Any], Any]] = {
    "order by": lambda d: select(d.c.id).order_by(_double(d)),
    "order by a name": lambda d: select(_double(d)).order_by("double"),
    "order by a name, descending": lambda d: select(_double(d)).order_by(sa.desc("double")),
    "group by": lambda d: select(func.count(d.c.id)).group_by(d.c.amount * 2),
    "distinct": lambda d: select(_double(d)).distinct(),
    "a distinct aggregate": lambda d: select(func.count((d.c.amount * 2).distinct())),
    "the order of a window": lambda d: select(func.rank().over(order_by=d.c.amount * 2)).select_from(d),
    "the partition of a window": lambda d: select(func.rank().over(partition_by=d.c.amount * 2)).select_from(d),
    "a union": lambda d: sa.union(select(_double(d)), select(d.c.id)),
    "a date's part": lambda d: select(func.count(d.c.id)).group_by(sa.extract("month", d.c.closed_on)),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_output_that_may_fail_needs_no_fence(world, material, name):
    world.execute(OUTPUTS[name](material.deal), material)

    assert material.deal.element._offset_clause is None


@pytest.mark.parametrize("name", SORTED)
def test_output_that_may_fail_and_is_compared_gets_a_fence(world, material, name):
    world.execute(SORTED[name](material.deal), material)

    assert material.deal.element._offset_clause is not None


def test_plain_conditions_need_no_fence(material):
    d, c = material.deal, material.company
    plain = select(d.c.id).join(c, d.c.company_id == c.c.id).where(d.c.stage.in_(["won"]), func.lower(c.c.city) == "x")

    check_statement(plain.where(d.c.company_id.in_(select(c.c.id)), sa.exists().where(c.c.id == 1)), material.issued)

    assert d.element._offset_clause is None
    assert c.element._offset_clause is None


def test_statement_changed_after_its_first_execution_is_judged_and_compiled_anew(world, material):
    statement = select(material.deal.c.id)
    world.execute(statement, material)

    statement._raw_columns[:] = [DEAL.c.secret]
    with pytest.raises(StatementRefusedError):
        world.execute(statement, material)
    statement._raw_columns[:] = [material.company.c.name]

    assert ("Acme",) in world.execute(statement, material)


def test_statement_with_remembered_columns_shows_what_was_judged(world, material):
    statement = select(DEAL.c.secret)
    assert statement.selected_columns
    assert statement._generate_cache_key()

    statement._raw_columns[:] = [material.deal.c.name]

    assert ("Deal 1",) in world.execute(statement, material)


def test_expression_with_a_remembered_name_is_named_anew(world, material):
    expression = material.deal.c.amount + 1
    unquoted = quoted_name("x, (SELECT min(secret) FROM deal) AS y", quote=False)
    expression.__dict__["_anon_name_label"] = _truncated_label(unquoted)

    assert (101,) in world.execute(select(expression), material)


def test_label_with_a_remembered_element_shows_what_was_judged(world, material):
    label = DEAL.c.secret.label("x")
    assert label.element is DEAL.c.secret

    label._element = material.deal.c.name

    assert ("Deal 1",) in world.execute(select(label), material)


def test_relation_is_judged_by_identity(material):
    with pytest.raises(StatementRefusedError):
        check_statement(select(material.deal), [Material().deal])
    check_statement(select(material.deal), iter([material.deal]))


def test_no_relation_is_needed_for_constants():
    check_statement(select(sa.literal(1), func.now()), [])


def test_type_of_a_relations_column_is_trusted(world):
    class Shouting(sa.types.TypeDecorator[str]):
        impl = sa.String
        cache_ok = True

        def column_expression(self, column: Any) -> Any:
            return func.upper(column)

    shown = select(COMPANY.c.id, sa.type_coerce(COMPANY.c.name, Shouting()).label("name"))
    companies = shown.where(COMPANY.c.owner_id == ME).subquery()
    statement = select(companies.c.name, sa.literal("x", companies.c.name.type)).where(
        sa.tuple_(companies.c.name, companies.c.id).in_([("Acme", 1)]), companies.c.name != "x"
    )

    check_statement(statement, [companies])
    assert list(world.full.execute(statement)) == [("ACME", "X")]
    with pytest.raises(StatementRefusedError, match="the type is not listed"):
        check_statement(select(companies.c.name, sa.literal("x", Shouting())), [companies])


STEPS: dict[str, Callable[[Any], Any]] = {
    "subtraction": lambda e: e - 1,
    "case": lambda e: sa.case((sa.true(), e), else_=0),
    "function": func.abs,
    "cast": lambda e: sa.cast(e, sa.Integer) - 1,
    "scalar select": lambda e: select(e).scalar_subquery(),
    "derived table": lambda e: select(select(e.label("x")).subquery().c.x).scalar_subquery(),
    "window": lambda e: func.max(1).over(order_by=e),
    "exists": lambda e: sa.exists().where(e == 1),
}


@pytest.mark.parametrize("step", STEPS)
def test_depth_that_passes_can_be_compiled(material, step):
    expression, passed, depth = material.deal.c.amount, None, 0
    with pytest.raises(StatementRefusedError, match="nested too deeply"):
        while True:
            check_statement(select(expression), material.issued)
            passed, expression, depth = select(expression), STEPS[step](expression), depth + 1

    assert passed._generate_cache_key()
    assert passed.compile(dialect=sqlite_dialect())
    assert depth > 10


def test_expression_is_judged_like_a_statement(material):
    check_expression(material.deal.c.amount > 5, material.issued)

    for refused in (DEAL.c.secret == "x", sa.text("1=1"), material.strange.c.id == 1, func.pg_sleep(1), "amount"):
        with pytest.raises(StatementRefusedError):
            check_expression(refused, material.issued)


def test_expression_that_may_fail_gets_a_fence(material):
    check_expression(material.deal.c.amount / material.deal.c.id > 5, material.issued)

    assert material.deal.element._offset_clause is not None


def _composed(world: World, build: Any, data: Any) -> None:
    material, places = Material(data.draw(st.sampled_from([relation, joined_relation]))(DEAL)), 0

    def take() -> Any:
        nonlocal places
        places += 1
        return material.deal

    statement = build(take)
    rows = world.execute(statement, material)
    _assert_nothing_hidden(rows)
    assert _shown(rows) == _shown(world.execute_alone(statement))

    sources = [material.deal] * places
    sources[data.draw(st.integers(0, places - 1))] = data.draw(
        st.sampled_from([DEAL, DEAL.alias(), material.strange, material.deal.element.subquery()])
    )
    with pytest.raises(StatementRefusedError):
        check_statement(build(iter(sources).__next__), material.issued)


@settings(max_examples=60, deadline=None)
@given(build=statements(TRAPS["sqlite"]), data=st.data())
def test_composition_passes_and_with_one_table_in_it_is_refused_on_sqlite(sqlite, build, data):
    _composed(sqlite, build, data)


@pytest.mark.postgresql
@settings(max_examples=60, deadline=None)
@given(build=statements(TRAPS["postgresql"]), data=st.data())
def test_composition_passes_and_with_one_table_in_it_is_refused_on_postgresql(postgresql, build, data):
    _composed(postgresql, build, data)


def test_share_is_read_by_the_policy_of_the_material(world):
    world.full.execute(SHARE.insert(), [{"kind": "deal", "record_id": 8, "user_id": ME}])
    seen = world.execute(select(func.count()).select_from((m := Material()).deal), m)
    world.full.execute(SHARE.delete().where(SHARE.c.record_id == 8))

    assert seen == [(6,)]
