"""The walk through a statement: every element is judged, and the walk ends at the safe relations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import sqlalchemy as sa
from sqlalchemy.sql import selectable, visitors
from sqlalchemy.sql.elements import _anonymous_label

from crmkit.core.errors import StatementRefusedError
from crmkit.core.gate import rules
from crmkit.core.gate.nodes import COLUMN_MEMOS, FROMS, LEAVES, SHAPES
from crmkit.core.gate.rules import COLUMNS
from crmkit.core.gate.types import foreign_types
from crmkit.core.text import Text, gettext as _

__all__ = ["Walk"]

# SQLAlchemy compiles by recursion, up to four Python frames for each step down.
MAX_DEPTH = 120
# An element that stands in two places is compiled twice, and what it stands in again.
MAX_SIZE = 50_000
# PostgreSQL cuts longer names, after which one may be the name of a table.
MAX_NAME = 63


class Walk:
    """One look at one statement, level by level.

    ``push`` judges an element later, as what the element in hand is: output of the statement, which is computed for
    rows that the policies let through, or a condition, order or part, which may be computed before. ``push_output`` and
    ``push_condition`` say which.
    """

    __slots__ = (
        "_may_fail", "_output_may_fail", "_seen", "borrowed_keys", "cte_names", "element", "is_output", "issued",
        "push", "push_condition", "push_output", "sorts_output", "types", "used",
    )  # fmt: skip
    push: Callable[[Any], None]
    push_condition: Callable[[Any], None]
    push_output: Callable[[Any], None]

    def __init__(self, issued: Iterable[sa.Subquery]) -> None:
        self.issued: dict[int, Any] = {id(relation): relation for relation in issued}
        self.used: dict[int, Any] = {}
        self.cte_names: list[str] = []
        self.borrowed_keys: list[str] = []
        self.types: list[Any] = []
        self.element: Any = None
        self.is_output = False
        self.sorts_output = False
        self._may_fail = self._output_may_fail = False
        self._seen: set[int] = set()

    def run(self, outputs: list[Any], others: list[Any]) -> None:
        """Judge the elements and everything in them.

        Raises:
            StatementRefusedError: something in it is not listed, or stands outside the safe relations.
        """
        depth = size = 0
        while outputs or others:
            depth += 1
            size += len(outputs) + len(others)
            if depth > MAX_DEPTH or size > MAX_SIZE:
                self.refuse(_("the statement is nested too deeply, or too large"))
            outputs, others = self._level(outputs, others)
        if self.types:
            self._check_types()
        if self.cte_names or self.borrowed_keys:
            self._check_names()
        if self._may_fail or (self._output_may_fail and self.sorts_output):
            for relation in self.used.values():
                _fence(relation)

    def _level(self, outputs: list[Any], others: list[Any]) -> tuple[list[Any], list[Any]]:
        next_outputs: list[Any] = []
        next_others: list[Any] = []
        self.push_output = self.push = next_outputs.append
        self.push_condition = next_others.append
        self.is_output = True
        for self.element in outputs:
            self._look()
        self.push = next_others.append
        self.is_output = False
        for self.element in others:
            self._look()
        return next_outputs, next_others

    def push_source(self, element: Any) -> None:
        """Judge *element*, from which rows are taken, once however often it is named."""
        if self.issued.get(id(element)) is element:
            self.used[id(element)] = element
        elif id(element) not in self._seen:
            self._seen.add(id(element))
            self.push_condition(element)

    def unsteady(self) -> None:
        """Note that the element in hand may fail on some row."""
        if self.is_output:
            self._output_may_fail = True
        else:
            self._may_fail = True

    def refuse(self, reason: Text, node: str = "") -> NoReturn:
        """Refuse the element in hand."""
        raise StatementRefusedError(node or _describe(self.element), reason)

    def _look(self) -> None:
        element = self.element
        made = type(element)
        if made in COLUMNS:
            return self._look_at_column()
        if made in LEAVES:
            return None
        if self.issued.get(id(element)) is element:
            self.used[id(element)] = element
            return None
        shape = SHAPES.get(made)
        if shape is None:
            self.refuse(_REASONS.get(made, _("this kind of element is not listed")))
        state = element.__dict__
        if shape.whole is not None:
            shape.whole(self, element)
        rule_of = shape.rules.get
        for attribute, value in list(state.items()):
            rule = rule_of(attribute, _unlisted)
            if rule is rules.forget:
                # It was computed from what the element held then, which may not be what is judged now.
                del state[attribute]
            elif rule is not None and value is not None:
                rule(self, value)
        return None

    def _look_at_column(self) -> None:
        column = self.element
        for memo in COLUMN_MEMOS & column.__dict__.keys():
            del column.__dict__[memo]
        table = column.table
        if column.is_literal:
            if table is not None or type(column.name) is not str or column.name not in ("*", "1"):
                self.refuse(_("literal SQL is not accepted"))
        elif table is None:
            self.refuse(_("a column must belong to a safe relation"))
        elif id(table) in self.issued and self.issued[id(table)] is table:
            self.used[id(table)] = table
            if not table.c.contains_column(column):
                self.refuse(_("the safe relation has no such column"))
        else:
            self._look_at_derived_column(column, table)

    def _look_at_derived_column(self, column: Any, table: Any) -> None:
        if type(table) not in FROMS:
            self.refuse(_("a table may only be read through a safe relation"))
        if not table.c.contains_column(column):
            self.refuse(_("its table has no such column"))
        rules.name(self, column.name)
        rules.kind(self, column.type)
        self.push_source(table)

    def _check_types(self) -> None:
        """Accept a type that is not listed if a column of the relations in use has it."""
        known = {id(column.type) for relation in self.used.values() for column in relation.c}
        for type_ in self.types:
            for foreign in () if id(type_) in known else foreign_types(type_):
                if id(foreign) not in known:
                    self.refuse(_("the type is not listed, nor that of a column"), type(foreign).__name__)

    def _check_names(self) -> None:
        """Refuse what would change the meaning of a safe relation: a CTE named as its table, a bind of its name."""
        tables, keys = _inside(self.used.values())
        for cte in self.cte_names:
            if len(cte.encode()) > MAX_NAME or _is_name_of(tables, cte):
                self.refuse(_("the name of a CTE must not be that of a table"), f"CTE {cte}")
        if not keys.isdisjoint(self.borrowed_keys):
            self.refuse(_("a parameter must be a value, without a name of its own"), "BindParameter")


def _unlisted(walk: Walk, _value: Any) -> None:
    element = walk.element
    attribute = next(name for name in vars(element) if name not in SHAPES[type(element)].rules)
    walk.refuse(_("it has an attribute that is not listed"), f"{type(element).__name__}.{attribute}")


def _describe(element: Any) -> str:
    made = type(element).__name__
    if type(element) not in (*COLUMNS, sa.Table):
        return made
    names = [getattr(getattr(element, "table", None), "name", ""), element.name]
    return f"{made} " + ".".join(name for name in names if name and type(name) is not _anonymous_label)


def _fence(relation: sa.Subquery) -> None:
    """Make the database filter the rows of *relation* before it evaluates anything else on them.

    PostgreSQL orders conditions by cost and SQLite puts correlated ones last, so a cast in the statement may meet a
    hidden row before the policy does, and the error would tell its value. Neither database moves a condition past
    an OFFSET, even past OFFSET 0.
    """
    inner: Any = relation.element
    if inner._offset_clause is None:
        relation.element = inner.offset(0)


def _inside(relations: Iterable[sa.Subquery]) -> tuple[set[str], set[str]]:
    """Return the names of the tables and CTEs that *relations* read, in lower case, and the keys of their binds."""
    tables: set[str] = set()
    keys: set[str] = set()
    for relation in relations:
        for element in visitors.iterate(relation.element):
            if isinstance(element, (selectable.TableClause, selectable.CTE)):
                tables.add(element.name.lower())
            elif isinstance(element, sa.BindParameter):
                keys.add(element.key)
    return tables, keys


def _is_name_of(tables: set[str], name: str) -> bool:
    if name.lower() in tables:
        return True
    if type(name) is not _anonymous_label:
        return False
    # SQLAlchemy numbers it: %(123 deal)s becomes deal_1.
    parts = enumerate(re.split(r"%\(\S+ (.*?)\)s", name.lower()))
    numbered = "".join(re.escape(part) + (r"_\d+" if place % 2 else "") for place, part in parts)
    return any(re.fullmatch(numbered, table) for table in tables)


_OUTSIDE = _("a table may only be read through a safe relation")
_TEXT = _("literal SQL is not accepted")
_WRITES = _("the statement must be a select")
_REASONS: dict[type, Text] = {
    sa.Table: _OUTSIDE,
    sa.TableClause: _OUTSIDE,
    sa.TextClause: _TEXT,
    selectable.TextualSelect: _TEXT,
    sa.Insert: _WRITES,
    sa.Update: _WRITES,
    sa.Delete: _WRITES,
}
