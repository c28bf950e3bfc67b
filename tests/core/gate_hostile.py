"""Statements that reach, or try to reach, past the safe relations; each must be refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import elements, operators, quoted_name, selectable, visitors
from sqlalchemy.sql.base import SyntaxExtension
from sqlalchemy.sql.elements import BinaryExpression, ColumnClause, UnaryExpression, _anonymous_label
from sqlalchemy.sql.functions import FunctionElement, GenericFunction
from sqlalchemy.types import TypeDecorator, UserDefinedType
from sqlalchemy.util import immutabledict

from tests.core.gate_material import DEAL, ME, OTHER, SHARE, Material, relation

__all__ = ["HOSTILE"]

STOLEN = "(SELECT min(secret) FROM deal)"


class EvilColumnSpec(UserDefinedType[Any]):
    """A type whose name is a query."""

    cache_ok = True

    def get_col_spec(self, **_kw: Any) -> str:
        return f"TEXT) || {STOLEN} || CAST('' AS TEXT"


class EvilBind(TypeDecorator[str]):
    """A type that wraps its values in a query."""

    impl = sa.String
    cache_ok = True

    def bind_expression(self, bindparam: Any) -> Any:
        return sa.literal_column(STOLEN)


class EvilColumn(TypeDecorator[str]):
    """A type that wraps its columns in a query."""

    impl = sa.String
    cache_ok = True

    def column_expression(self, column: Any) -> Any:
        return sa.literal_column(STOLEN)


class EvilFunction(FunctionElement[Any]):
    """An own kind of function."""

    inherit_cache = True
    type = sa.String()


class EvilElement(sa.ColumnElement[Any]):
    """An own kind of element."""

    inherit_cache = True
    type = sa.String()


class EvilLabel(sa.Label[Any]):
    """A listed kind of element, rendered in another way."""

    inherit_cache = True


class HiddenChildren(BinaryExpression[Any]):
    """An element that shows nobody what it holds."""

    inherit_cache = True

    def get_children(self, **_kw: Any) -> list[Any]:
        return []


class EvilGeneric(GenericFunction[Any]):
    """A function registered under the name of a listed one, in a package of its own."""

    inherit_cache = True
    name = "lower"
    package = "evil"


class Extension(SyntaxExtension, sa.ClauseElement):
    """An own extension of the syntax."""

    _traverse_internals: list[Any] = []  # noqa: RUF012 - SQLAlchemy's interface

    def apply_to_select(self, select_stmt: Any) -> None:
        select_stmt.apply_syntax_extension_point(lambda existing: [*existing, self], "post_criteria")


for kind in (EvilFunction, EvilElement, EvilLabel, Extension, EvilGeneric):
    compiles(kind)(lambda _element, _compiler, **_kw: STOLEN)


class Equal:
    """An object that claims to be any operator."""

    __name__ = "custom_op"
    opstring, visit_name, eager_grouping, precedence = f"|| {STOLEN} ||", None, False, 0

    def __hash__(self) -> int:
        return hash(operators.eq)

    def __eq__(self, other: object) -> bool:
        return True


def _changed(changed: Any, /, **attributes: Any) -> Any:
    for name, value in attributes.items():
        setattr(changed, name, value)
    return changed


def _inner(m: Material) -> Any:
    return m.deal.element


def _policy_bind(m: Material) -> Any:
    return next(e for e in visitors.iterate(_inner(m)) if isinstance(e, sa.BindParameter) and e.value == ME)


def _fake_shares(m: Material) -> Any:
    return select(sa.literal(8).label("record_id"), sa.literal(ME).label("user_id")).cte("share_1")


def _replaced_bind(m: Material) -> Any:
    mine = _policy_bind(m)
    return select(m.deal).where(mine._with_value(OTHER, maintain_key=True).is_not(None))


def _kept_columns(m: Material) -> Any:
    statement = select(sa.literal_column(STOLEN)).select_from(m.deal)
    statement.subquery()
    return statement


def _swallowed(m: Material) -> Any:
    opened = m.deal.c.name.label("__[POSTCOMPILE_id_1~~A~~")
    closed = m.deal.c.id.bitwise_not().bitwise_not().label(f", {STOLEN} AS stolen, 1 AS ~~]")
    return select(opened, closed).where(m.deal.c.id.in_([1]))


def _deep(m: Material) -> Any:
    expression = m.deal.c.amount
    one = sa.literal(1)
    for _level in range(10_000):
        expression = BinaryExpression(expression, one, operators.sub, type_=one.type)
    return select(expression)


def _doubled(m: Material) -> Any:
    expression = m.deal.c.amount
    for _level in range(40):
        expression = sa.case((expression > 1, expression), else_=expression)
    return select(expression)


def _twisted_union(m: Material, **changes: Callable[[Any, Any], Any]) -> Any:
    counted = select(func.count()).select_from(m.deal).scalar_subquery()
    union = sa.union_all(select(m.company.c.id), select(m.company.c.id))
    for method, arguments in changes.items():
        union = getattr(union, method)(arguments(counted, m))
    return union


HOSTILE: dict[str, Callable[[Material], Any]] = {
    # Tables, in every place
    "a table": lambda m: select(m.table),
    "its column": lambda m: select(m.table.c.secret),
    "an alias of a table": lambda m: select(m.table.alias().c.secret),
    "a table in from": lambda m: select(func.count()).select_from(m.table),
    "a table in a join": lambda m: select(m.deal.c.id).join(m.table, m.table.c.id == m.deal.c.id),
    "a table in a join object": lambda m: select(m.deal.c.id).select_from(m.deal.join(m.table, sa.true())),
    "a table as the left side of a join": lambda m: select(m.deal.c.id).join_from(m.table, m.deal, sa.true()),
    "a column of a table in an on clause": lambda m: select(m.deal.c.id).join(m.company, m.table.c.secret == "x"),
    "a table in where": lambda m: select(m.deal.c.id).where(m.table.c.secret == "x"),
    "a table in order by": lambda m: select(m.deal.c.id).order_by(m.table.c.secret),
    "a table in group by": lambda m: select(func.count()).group_by(m.table.c.secret),
    "a table in having": lambda m: select(m.deal.c.stage).group_by(m.deal.c.stage).having(m.table.c.secret == "x"),
    "a table in distinct on": lambda m: select(m.deal.c.id).ext(postgresql.distinct_on(m.table.c.secret)),
    "a table in a limit": lambda m: select(m.deal.c.id).limit(select(m.table.c.id).scalar_subquery()),
    "a table in a function": lambda m: select(func.max(m.table.c.secret)),
    "a table in a window": lambda m: select(func.max(m.deal.c.name).over(order_by=m.table.c.secret)),
    "a table in a partition": lambda m: select(func.max(m.deal.c.name).over(partition_by=m.table.c.secret)),
    "a table in a filter": lambda m: select(func.count(m.deal.c.id).filter(m.table.c.secret == "x")),
    "a table in within group": lambda m: select(func.percentile_cont(0.5).within_group(m.table.c.amount)),
    "a table in an aggregate's order": lambda m: select(func.array_agg(m.deal.c.id).aggregate_order_by(m.table.c.id)),
    "a table in case": lambda m: select(sa.case((m.table.c.secret == "x", 1), else_=0)),
    "a table in else": lambda m: select(sa.case((m.deal.c.id == 1, "x"), else_=m.table.c.secret)),
    "a table in a cast": lambda m: select(sa.cast(m.table.c.secret, sa.String)),
    "a table in type_coerce": lambda m: select(sa.type_coerce(m.table.c.secret, sa.String)),
    "a table in extract": lambda m: select(sa.extract("year", m.table.c.closed_on)),
    "a table in a tuple": lambda m: select(m.deal.c.id).where(sa.tuple_(m.table.c.secret, m.deal.c.id).in_([("x", 1)])),
    "a table in a label": lambda m: select(m.table.c.secret.label("name")),
    "a table under a collation": lambda m: select(m.table.c.secret.collate("C")),
    "a table in an array": lambda m: select(postgresql.array([m.table.c.secret])),
    "a table in an index": lambda m: select(sa.literal([1], sa.ARRAY(sa.Integer))[m.table.c.id]),
    "a table in exists": lambda m: select(m.deal.c.id).where(sa.exists().where(m.table.c.secret == "x")),
    "a table in a scalar select": lambda m: select(select(func.max(m.table.c.secret)).scalar_subquery()),
    "a table in an IN": lambda m: select(m.deal.c.id).where(m.deal.c.name.in_(select(m.table.c.secret))),
    "a table in any": lambda m: select(m.deal.c.id).where(
        m.deal.c.id == sa.any_(select(m.table.c.id).scalar_subquery())
    ),
    "a table in a derived table": lambda m: select(select(m.table).subquery().c.name),
    "a table in a CTE": lambda m: select(select(m.table.c.secret).cte("stolen").c.secret),
    "a table in an added CTE": lambda m: select(m.deal.c.id).add_cte(select(m.table.c.secret).cte("stolen")),
    "a table in the alias of a CTE": lambda m: select(select(m.table.c.secret).cte("stolen").alias("s").c.secret),
    "a table in a lateral": lambda m: select(select(m.table.c.secret).lateral().c.secret),
    "a table in a union": lambda m: sa.union_all(select(m.deal.c.name), select(m.table.c.secret)),
    "a table in a nested union": lambda m: sa.union(
        select(m.deal.c.name), sa.union_all(select(m.deal.c.name), select(m.table.c.secret)).subquery().select()
    ),
    "a table in the recursion of a CTE": lambda m: select(
        (base := select(m.deal.c.name).cte("r", recursive=True))
        .union_all(select(m.table.c.secret).join(base, sa.true()))
        .c.name
    ),
    "a table correlated": lambda m: select(m.deal.c.id).correlate(m.table),
    "a table sampled": lambda m: select(m.table.tablesample(100).c.secret),
    "a relation sampled": lambda m: select(m.deal.tablesample(100).c.name),
    "a table forgotten by with_only_columns": lambda m: (
        select(m.table.c.secret).join(m.deal, sa.true()).with_only_columns(m.deal.c.id)
    ),
    "a table described by name": lambda m: select(sa.table("deal", sa.column("secret")).c.secret),
    "a table of another schema": lambda m: select(sa.table("deal", sa.column("secret"), schema="main").c.secret),
    "a system table": lambda m: select(sa.table("sqlite_master", sa.column("sql")).c.sql),
    # The way out of a relation
    "the select inside a relation": lambda m: _inner(m),
    "the select inside, without its condition": lambda m: select(*_inner(m).selected_columns),
    "the select inside, as a subquery": lambda m: select(_inner(m).subquery().c.id),
    "the select inside, as a CTE": lambda m: select(_inner(m).cte().c.id),
    "the select inside, in a union": lambda m: sa.union_all(m.deal.select(), _inner(m)),
    "the table inside a relation": lambda m: select(_inner(m).get_final_froms()[0]),
    "the column below a column": lambda m: select(next(iter(m.deal.c.name.base_columns))),
    "the column behind a foreign key": lambda m: select(
        next(iter(m.deal.c.company_id.foreign_keys)).column.table.c.secret
    ),
    "the condition of a relation": lambda m: select(m.deal.c.id).where(~_inner(m).whereclause),
    "a relation of another reader": lambda m: select(m.strange.c.name),
    "a column of another reader's relation": lambda m: select(m.deal.c.id).where(m.strange.c.name == "x"),
    "another reader's relation joined": lambda m: select(m.deal.c.id).join(m.strange, sa.true()),
    "an alias of another reader's relation": lambda m: select(m.strange.alias().c.name),
    "a relation of one's own making": lambda m: select(relation(DEAL, OTHER)),
    "a clone of a relation": lambda m: select(m.deal._clone().c.name),
    "an annotated relation": lambda m: select(m.deal._annotate({"x": 1})),
    "an annotated relation over another select": lambda m: select(
        _changed(m.deal._annotate({"x": 1}), element=select(m.table))
    ),
    "a hidden column by name": lambda m: select(ColumnClause("secret", _selectable=m.deal)),
    "the row id of the table below": lambda m: select(ColumnClause("rowid", _selectable=m.deal)),
    "a function of the row": lambda m: select(ColumnClause("row_to_json", _selectable=m.deal)),
    "a hidden column of an alias": lambda m: select(ColumnClause("secret", _selectable=m.deal.alias())),
    "the row of a relation": lambda m: select(func.max(m.deal.table_valued())),
    "a literal column of the relation": lambda m: select(ColumnClause(STOLEN, is_literal=True, _selectable=m.deal)),
    # Raw SQL
    "text": lambda m: sa.text("SELECT secret FROM deal"),
    "text as a column": lambda m: select(sa.text(STOLEN)).select_from(m.deal),
    "text in from": lambda m: select(sa.literal_column("*")).select_from(sa.text("deal")),
    "text in where": lambda m: select(m.deal.c.id).where(sa.text(f"1=1) OR ({STOLEN} IS NULL")),
    "text in order by": lambda m: select(m.deal.c.id).order_by(sa.text(STOLEN)),
    "text in group by": lambda m: select(func.count()).select_from(m.deal).group_by(sa.text(STOLEN)),
    "text in having": lambda m: select(m.deal.c.stage).group_by(m.deal.c.stage).having(sa.text(STOLEN)),
    "text in a limit": lambda m: _changed(select(m.deal.c.id), _limit_clause=sa.text(STOLEN)),
    "text in a join": lambda m: select(m.deal.c.id).join(m.company, sa.text("1=1")),
    "text in a function": lambda m: select(func.max(sa.text(STOLEN))).select_from(m.deal),
    "text in an IN": lambda m: select(m.deal.c.id).where(m.deal.c.name.in_(sa.text(STOLEN))),
    "text with columns": lambda m: sa.text("SELECT secret FROM deal").columns(sa.column("secret")),
    "text with columns, as a subquery": lambda m: select(
        sa.text("SELECT secret FROM deal").columns(sa.column("secret")).subquery().c.secret
    ),
    "text with columns, as a CTE": lambda m: select(
        sa.text("SELECT secret FROM deal").columns(sa.column("secret")).cte().c.secret
    ),
    "text in a window": lambda m: select(func.sum(m.deal.c.id).over(order_by=sa.text(STOLEN))),
    "text in a negation": lambda m: select(m.deal.c.id).where(sa.and_(sa.true(), sa.text("1=1"))),
    "a literal column": lambda m: select(sa.literal_column(STOLEN)).select_from(m.deal),
    "a literal column with a label": lambda m: select(sa.literal_column(STOLEN).label("x")).select_from(m.deal),
    "a bare column": lambda m: select(sa.column("secret")).select_from(m.deal),
    "a star of nothing known": lambda m: select(sa.literal_column("deal.*")).select_from(m.deal),
    "a prefix": lambda m: select(m.deal.c.name).prefix_with(f"{STOLEN},"),
    "a prefix for one database": lambda m: select(m.deal.c.name).prefix_with(f"{STOLEN},", dialect="sqlite"),
    "a suffix": lambda m: select(m.deal.c.name).suffix_with("UNION SELECT secret FROM deal"),
    "a prefix of a CTE": lambda m: select(select(m.deal.c.id).cte().prefix_with("NOT MATERIALIZED").c.id),
    "a suffix of a CTE": lambda m: select(select(m.deal.c.id).cte().suffix_with(f", x AS {STOLEN}").c.id),
    "a hint": lambda m: select(m.deal.c.name).with_hint(m.deal, ", deal"),
    "a statement hint": lambda m: select(m.deal.c.name).with_statement_hint("UNION SELECT secret FROM deal"),
    "an operator": lambda m: select(m.deal.c.name.op(f"|| {STOLEN} ||")("x")),
    "a boolean operator": lambda m: select(m.deal.c.id).where(m.deal.c.name.bool_op("= 'x' OR 'x' =")("x")),
    "an operator before": lambda m: select(
        UnaryExpression(m.deal.c.name, operator=operators.custom_op(f"{STOLEN} ||"))
    ),
    "an operator after": lambda m: select(UnaryExpression(m.deal.c.name, modifier=operators.custom_op(f"|| {STOLEN}"))),
    "an operator in a list": lambda m: select(
        elements.ExpressionClauseList._construct_for_list(
            operators.custom_op(f"|| {STOLEN} ||"), sa.String(), m.deal.c.name, m.deal.c.stage
        )
    ),
    "an operator that claims to be equal": lambda m: select(
        _changed(m.deal.c.name == m.deal.c.stage, operator=Equal())
    ),
    "full text search": lambda m: select(m.deal.c.name.match("x")),
    "an operator that is a function": lambda m: select(m.deal.c.id).where(
        func.pg_sleep(m.deal.c.id, 1).as_comparison(1, 2)
    ),
    "a replaced separator": lambda m: select(func.aggregate_strings(m.deal.c.name, sa.literal_column(STOLEN))),
    "a separator of another type": lambda m: select(
        func.aggregate_strings(m.deal.c.name, sa.literal("1", sa.Numeric()))
    ),
    "a separator from a column": lambda m: select(func.aggregate_strings(m.deal.c.name, m.deal.c.stage)),
    "an escape that is a query": lambda m: select(
        _changed(m.deal.c.name.like("x"), modifiers={"escape": f"' || {STOLEN} || '"})
    ),
    "a search configuration": lambda m: select(
        _changed(m.deal.c.name.like("x"), modifiers={"postgresql_regconfig": "english"})
    ),
    "flags of a regular expression": lambda m: select(m.deal.c.name.regexp_match("x", flags="i)||(")),
    "a field of a date": lambda m: select(
        sa.extract(f"year FROM now()) + {STOLEN} + extract(year", m.deal.c.closed_on)
    ),
    "a field of a date that is not listed": lambda m: select(sa.extract("timezone", m.deal.c.created_at)),
    "an exclusion of a window": lambda m: select(
        _changed(func.sum(m.deal.c.id).over(rows=(None, 0)), exclude=f"TIES) || {STOLEN} || (")
    ),
    # Names that are not only names
    "an unquoted label": lambda m: select(m.deal.c.id.label(quoted_name(f"x, {STOLEN} AS y", quote=False))),
    "an unquoted alias": lambda m: select(m.deal.alias(quoted_name("x, deal AS y", quote=False)).c.id),
    "an unquoted CTE": lambda m: select(select(m.deal.c.id).cte(quoted_name("x AS (SELECT 1), y", quote=False)).c.id),
    "an unquoted column of values": lambda m: select(
        sa.values(sa.column(quoted_name("a) , deal AS v (secret", quote=False), sa.Integer), name="v").data([(1,)])
    ),
    "unquoted values": lambda m: select(
        sa.values(sa.column("a", sa.Integer), name=quoted_name("v, deal", quote=False)).data([(1,)]).c.a
    ),
    "an unquoted collation": lambda m: select(m.deal.c.name.collate(quoted_name(f"C, {STOLEN}", quote=False))),
    "an unquoted collation's schema": lambda m: select(sa.collate(m.deal.c.name, "C", quoted_name("x", quote=False))),
    "an unquoted function": lambda m: select(
        elements.Label("x", sa.sql.functions.Function(quoted_name(f"{STOLEN} || lower", quote=False), m.deal.c.name))
    ),
    "a label that is a mark": lambda m: select(m.deal.c.id.label("__[POSTCOMPILE_id_1]")).where(m.deal.c.id.in_([1])),
    "labels that swallow what is between them": _swallowed,
    "a label that is a parameter": lambda m: select(m.deal.c.id.label("%(owner_id_1)s")),
    "a label with a quote": lambda m: select(m.deal.c.id.label('x" FROM deal --')),
    "a label that ends the text": lambda m: select(m.deal.c.id.label("x\x00")),
    "an alias that is a mark": lambda m: select(m.deal.alias("__[SCHEMA_x]").c.id),
    "an anonymous label that is a mark": lambda m: select(
        m.deal.c.id.label(_anonymous_label("%(1 x)s__[POSTCOMPILE_x]"))
    ),
    "a column of values that is a mark": lambda m: select(
        sa.values(sa.column("__[POSTCOMPILE_x]", sa.Integer), name="v").data([(1,)])
    ),
    "a CTE named as a table of the policy": lambda m: select(m.deal).add_cte(_fake_shares(m)),
    "a CTE named as a table of the policy, in capitals": lambda m: select(m.deal).add_cte(
        select(sa.literal(8).label("record_id"), sa.literal(ME).label("user_id")).cte("SHARE_1")
    ),
    "a CTE named as the table below": lambda m: select(m.company).add_cte(select(m.deal.c.id).cte("company")),
    "a nested CTE named as a table": lambda m: select(m.deal).add_cte(
        _changed(_fake_shares(m), nesting=True), nest_here=True
    ),
    "a CTE that becomes a table's name by its number": lambda m: select(m.deal).add_cte(
        select(sa.literal(1).label("x")).cte(_anonymous_label("%(7 share)s"))
    ),
    "a CTE with a name cut by the database": lambda m: select(m.deal).add_cte(select(m.company.c.id).cte("share" * 20)),
    # Functions
    **{
        f"function {name}": lambda m, name=name: select(getattr(func, name)(m.deal.c.name))
        for name in """
            load_extension readfile writefile edit fts3_tokenizer randomblob zeroblob sqlite_offset last_insert_rowid
            pg_sleep pg_read_file pg_ls_dir pg_stat_file query_to_xml table_to_xml database_to_xml cursor_to_xml ts_stat
            dblink dblink_exec set_config current_setting lo_import lo_export lo_get nextval currval setval
            pg_terminate_backend pg_advisory_lock txid_current to_regclass has_table_privilege crosstab version
            current_user session_user user current_database inet_server_addr xpath_table pg_notify eval
        """.split()
    },
    "a function of a schema": lambda m: select(func.pg_catalog.lower(m.deal.c.name)),
    "a function of a package": lambda m: select(func.evil.lower(m.deal.c.name)),
    "a function in capitals": lambda m: select(func.PG_SLEEP(1)),
    "a function with brackets in its name": lambda m: select(
        getattr(func, f"lower('x') || {STOLEN} || lower")(m.deal.c.name)
    ),
    "a function renamed": lambda m: select(_changed(func.lower(m.deal.c.name), name="pg_read_file")),
    "a known function renamed": lambda m: select(_changed(func.max(m.deal.c.name), name="pg_read_file")),
    "a function of one's own": lambda m: select(EvilFunction()).select_from(m.deal),
    "a function as a table": lambda m: select(func.json_each(m.deal.c.extra).table_valued("value").c.value),
    "a function with ordinality": lambda m: select(
        func.unnest(sa.literal([1], sa.ARRAY(sa.Integer))).table_valued("v", with_ordinality="n").c.n
    ),
    "a function as a column of rows": lambda m: select(func.generate_series(1, 3).column_valued()),
    "a field of a function's row": lambda m: select(func.lower(m.deal.c.name).scalar_table_valued("x")),
    "a function in from": lambda m: select(sa.literal_column("*")).select_from(func.pg_ls_dir(".")),
    "a function as the statement": lambda m: func.lower("x"),
    "a sequence": lambda m: select(sa.Sequence("deal_id_seq").next_value()),
    "the next value": lambda m: select(func.next_value(sa.Sequence("deal_id_seq"))),
    # Types
    "a cast to a type of one's own": lambda m: select(sa.cast(m.deal.c.name, EvilColumnSpec())),
    "a literal of a type that wraps binds": lambda m: select(sa.literal("x", EvilBind())).select_from(m.deal),
    "a comparison with such a literal": lambda m: select(m.deal.c.id).where(
        m.deal.c.name == sa.literal("x", EvilBind())
    ),
    "such literals in a list": lambda m: select(m.deal.c.id).where(
        m.deal.c.name.in_(sa.bindparam(None, ["x"], expanding=True, type_=EvilBind(), unique=True))
    ),
    "a type that wraps columns": lambda m: select(sa.type_coerce(m.deal.c.name, EvilColumn())),
    "such a type for a label": lambda m: select(sa.Label("x", m.deal.c.name, type_=EvilColumn())),
    "such a type for a function": lambda m: select(func.lower(m.deal.c.name, type_=EvilColumn())),
    "such a type for a column of values": lambda m: select(
        sa.values(sa.column("a", EvilColumn()), name="v").data([("x",)]).c.a
    ),
    "such a type for a derived column": lambda m: select(
        _changed(select(m.deal.c.name).subquery().c.name, type=EvilColumn())
    ),
    "such a type as a variant": lambda m: select(
        sa.type_coerce(m.deal.c.name, sa.String().with_variant(EvilColumn(), "sqlite", "postgresql"))
    ),
    "such a type in an array": lambda m: select(sa.literal(["x"], sa.ARRAY(EvilBind()))),
    "such a type in a tuple": lambda m: select(m.deal.c.id).where(
        sa.tuple_(m.deal.c.name, m.deal.c.id).in_(
            sa.bindparam(
                None, [("x", 1)], expanding=True, unique=True, type_=sa.types.TupleType(EvilBind(), sa.Integer())
            )
        )
    ),
    "a precision that is a query": lambda m: select(sa.cast(m.deal.c.name, sa.Numeric(f"1) || {STOLEN} || (1"))),
    "a scale that is a query": lambda m: select(sa.cast(m.deal.c.amount, sa.Numeric(3, f"1) || {STOLEN} || (1"))),
    "a length that is a query": lambda m: select(sa.cast(m.deal.c.name, sa.String(f"1) || {STOLEN} || (1"))),
    "a precision of a literal": lambda m: select(sa.literal(1, sa.Numeric(f"1) || {STOLEN} || (1"))),
    "an unquoted collation of a type": lambda m: select(
        sa.cast(m.deal.c.name, sa.String(collation=quoted_name(f'"C") || {STOLEN} || (1', quote=False)))
    ),
    "a type with another one inside": lambda m: select(
        sa.cast(m.deal.c.name, _changed(sa.Interval(), impl=sa.Numeric(f"1) || {STOLEN} || (1")))
    ),
    "a type with a method of one's own": lambda m: select(
        sa.type_coerce(m.deal.c.name, _changed(sa.String(), dialect_impl=EvilColumn().dialect_impl))
    ),
    "an enumeration": lambda m: select(sa.cast(m.deal.c.name, sa.Enum("a", name=quoted_name("x", quote=False)))),
    "the name of a table as its number": lambda m: select(sa.cast("deal", postgresql.REGCLASS)),
    "an interval's fields": lambda m: select(sa.cast("1", postgresql.INTERVAL(fields=f"YEAR) || {STOLEN} || ("))),
    # Parameters
    "a named parameter": lambda m: select(m.deal).where(sa.bindparam("me", OTHER) == ME),
    "a named parameter under a policy's name": lambda m: select(m.deal).where(
        sa.bindparam("owner_id_1", OTHER, type_=sa.Integer) == ME
    ),
    "the parameter of a policy with another value": _replaced_bind,
    "a parameter that takes a policy's key": lambda m: select(m.deal).where(
        _changed(sa.literal(OTHER), key=_policy_bind(m).key) == ME
    ),
    "parameters of the statement": lambda m: select(m.deal).params(owner_id_1=OTHER),
    "parameters of a part": lambda m: select(select(m.deal).params(owner_id_1=OTHER).subquery().c.id),
    "parameters of a function": lambda m: select(func.lower(m.deal.c.name).params(owner_id_1=OTHER)),
    "parameters of a union": lambda m: sa.union(select(m.deal.c.id), select(m.company.c.id)).params(owner_id_1=OTHER),
    "a parameter by a call": lambda m: select(m.deal.c.id).where(
        m.deal.c.name == sa.bindparam(None, callable_=lambda: "x", unique=True)
    ),
    "a parameter without a value": lambda m: select(m.deal.c.id).where(m.deal.c.name == sa.bindparam("x", unique=True)),
    "a parameter that is written out": lambda m: select(m.deal.c.id).where(
        m.deal.c.name == sa.bindparam(None, "x", unique=True, literal_execute=True)
    ),
    "a parameter that comes back": lambda m: select(m.deal.c.id).where(m.deal.c.name == sa.outparam("x", sa.String)),
    # Values
    "a query among values": lambda m: select(
        sa.values(sa.column("a", sa.String), name="v").data([(sa.literal_column(STOLEN),)]).c.a
    ),
    "a column among values": lambda m: select(
        sa.values(sa.column("a", sa.String), name="v").data([(m.table.c.secret,)]).c.a
    ),
    "a query that comes late among values": lambda m: select(
        sa.values(sa.column("a", sa.String), name="v").data([(_Late(),)]).c.a
    ),
    "values that are written out": lambda m: select(
        sa.values(sa.column("a", sa.String), name="v", literal_binds=True).data([("x",)]).c.a
    ),
    "a literal column of values": lambda m: select(
        sa.values(sa.literal_column(f"a), (SELECT 1) AS w ({STOLEN}", sa.Integer), name="v").data([(1,)])
    ),
    "values as an expression": lambda m: select(m.deal.c.id).where(
        m.deal.c.id.in_(sa.values(sa.column("a", sa.Integer)).data([(1,)]).scalar_values())
    ),
    # What is no select, or more than one
    "insert": lambda m: sa.insert(m.table).values(name="x"),
    "update": lambda m: sa.update(m.table).values(name="x"),
    "delete": lambda m: sa.delete(m.table),
    "update in a CTE": lambda m: select(sa.update(m.table).values(name="x").returning(m.table.c.id).cte().c.id),
    "delete in an added CTE": lambda m: select(m.deal.c.id).add_cte(sa.delete(m.table).cte()),
    "insert in an added CTE of a union": lambda m: sa.union(select(m.deal.c.id), select(m.company.c.id)).add_cte(
        sa.insert(m.table).values(name="x").cte()
    ),
    "a table made from a select": lambda m: select(m.deal).into("stolen"),
    "a definition": lambda m: sa.DDL("DROP TABLE deal"),
    "a string": lambda m: "SELECT secret FROM deal",
    "a relation itself": lambda m: m.deal,
    "values as the statement": lambda m: sa.values(sa.column("a", sa.Integer), name="v").data([(1,)]),
    "a scalar select as the statement": lambda m: select(m.deal.c.id).scalar_subquery(),
    "rows locked": lambda m: select(m.deal.c.id).with_for_update(),
    "rows of a union locked": lambda m: sa.union(select(m.deal.c.id), select(m.company.c.id)).with_for_update(),
    "rows of a part locked": lambda m: select(select(m.deal.c.id).with_for_update().subquery().c.id),
    "a lambda": lambda m: sa.lambda_stmt(lambda: select(DEAL.c.secret)),
    "a lambda in where": lambda m: select(m.deal.c.id).where(lambda: DEAL.c.secret == "x"),
    # Options
    "another schema": lambda m: select(m.deal.c.id).execution_options(schema_translate_map={None: "other"}),
    "another cache": lambda m: _changed(select(m.deal.c.id), _execution_options=immutabledict({"compiled_cache": {}})),
    "an unknown option": lambda m: select(m.deal.c.id).execution_options(x=1),
    "options of a part": lambda m: select(
        select(m.deal.c.id).execution_options(schema_translate_map={None: "other"}).subquery().c.id
    ),
    "another compiler": lambda m: _changed(select(m.deal.c.id), _propagate_attrs={"compile_state_plugin": "orm"}),
    # Elements of one's own, and listed ones in disguise
    "an element of one's own": lambda m: select(EvilElement()).select_from(m.deal),
    "a label of one's own": lambda m: select(EvilLabel("x", m.deal.c.name)),
    "an element that hides its children": lambda m: select(
        HiddenChildren(m.table.c.secret, sa.literal("x"), operators.eq)
    ),
    "an extension of the syntax": lambda m: select(m.deal.c.id).ext(Extension()),
    "an extension put in by hand": lambda m: _changed(select(m.deal.c.id), _post_body_clause=sa.text(STOLEN)),
    "an attribute nobody knows": lambda m: _changed(select(m.deal.c.id), _post_everything_clause=sa.text(STOLEN)),
    "a method replaced": lambda m: select(
        _changed(m.deal.c.name == "x", _compiler_dispatch=lambda *_args, **_kw: STOLEN)
    ),
    "columns that are no list": lambda m: _changed(
        select(m.deal.c.id), _raw_columns=_Twice([m.deal.c.id], [m.table.c.secret])
    ),
    "a binary that is a FROM": lambda m: select(m.deal.c.id).select_from(_changed(m.deal.alias(), element=m.table)),
    "a grouping of text": lambda m: select(elements.Grouping(sa.text(STOLEN))),
    "a coerced table under a memo": lambda m: select(
        _changed(sa.type_coerce(m.deal.c.name, sa.String), clause=m.table.c.secret)
    ),
    "nested ten thousand deep": _deep,
    "doubled forty times": _doubled,
    "modifiers that show one thing first": lambda m: select(
        _changed(m.deal.c.name.like("x"), modifiers=_Changing(escape=f"' || {STOLEN} || '"))
    ),
    # Unions, which SQLAlchemy renders partly without the names of tables
    "a union grouped": lambda m: _twisted_union(m, group_by=lambda counted, _m: counted),
    "a union ordered by a select": lambda m: _twisted_union(m, order_by=lambda counted, _m: counted),
    "a union limited by a select": lambda m: _twisted_union(m, limit=lambda counted, _m: counted),
    "a union that starts at a select": lambda m: _twisted_union(m, offset=lambda counted, _m: counted),
    "a union ordered by an expression": lambda m: _twisted_union(m, order_by=lambda _counted, m: m.company.c.id + 1),
    "a limit that is a select": lambda m: select(m.deal.c.id).limit(
        select(func.count()).select_from(m.company).scalar_subquery()
    ),
    "a union by another word": lambda m: _changed(
        sa.union(select(m.deal.c.id), select(m.company.c.id)), keyword=f"UNION SELECT {STOLEN} UNION"
    ),
    "shares read directly": lambda m: select(SHARE.c.record_id),
    "a select kept from before": lambda m: _changed(
        select(m.deal.c.id), _memoized_select_entities=(selectable._MemoizedSelectEntities(),)
    ),
}


class _Late(str):
    """A string that becomes a query when it is looked at as an element."""

    __slots__ = ()

    def __clause_element__(self) -> Any:
        return sa.literal_column(STOLEN)


class _Twice(list[Any]):
    """A list that shows one thing first and another afterwards."""

    def __init__(self, first: list[Any], then: list[Any]) -> None:
        super().__init__(then)
        self._first: list[Any] | None = first

    def __iter__(self) -> Any:
        shown, self._first = self._first, None
        return iter(shown) if shown is not None else super().__iter__()


class _Changing(dict[str, Any]):
    """A mapping that shows nothing to who lists it."""

    def items(self) -> Any:
        return ()
