"""SQL that is spelled differently on SQLite and on PostgreSQL, and means the same."""

from __future__ import annotations

from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

__all__ = [
    "ByCodePoint",
    "Checked",
    "DayLine",
    "Ending",
    "EndsWith",
    "MomentLine",
    "Operand",
    "Portable",
    "Position",
    "SlugCount",
    "Start",
    "StartsWith",
    "Unbounded",
    "Unindexed",
    "WhereShown",
    "Whole",
]


class Portable(FunctionElement[Any]):
    """An expression of its arguments. In the templates ``{0}`` is the first."""

    sqlite: ClassVar[str]
    postgresql: ClassVar[str]

    def __init_subclass__(cls) -> None:
        # SQLAlchemy asks every class to say for itself that its arguments are all that tells statements apart.
        cls.inherit_cache = True
        super().__init_subclass__()


@compiles(Portable)
def _render(element: Portable, compiler: SQLCompiler, **options: Any) -> str:
    template = element.postgresql if compiler.dialect.name == "postgresql" else element.sqlite
    return template.format(*(compiler.process(clause, **options) for clause in element.clauses))


class Position(Portable):
    """Where a text contains another, counted from 1; 0 if it does not."""

    type = sa.Integer()
    sqlite = "instr({0}, {1})"
    postgresql = "strpos({0}, {1})"


class Start(Portable):
    """So many characters from the start of a text."""

    type = sa.String()
    sqlite = postgresql = "substr({0}, 1, {1})"


class Ending(Portable):
    """So many characters, at least one, from the end of a text."""

    type = sa.String()
    sqlite = "substr({0}, -{1})"
    postgresql = "right({0}, {1})"


# Where ternaries stand inside ternaries, each argument written twice would double the statement at each level. OFFSET 0
# keeps PostgreSQL from doing just that: it writes an inner select out at each place that names its columns.
class StartsWith(Portable):
    """Whether a text starts with another."""

    type = sa.Boolean()
    sqlite = "(SELECT substr(crm_x, 1, length(crm_y)) = crm_y FROM (SELECT {0} AS crm_x, {1} AS crm_y))"
    postgresql = (
        "(SELECT left(crm_x, length(crm_y)) = crm_y FROM (SELECT {0} AS crm_x, {1} AS crm_y OFFSET 0) AS crm_t)"
    )


class EndsWith(Portable):
    """Whether a text ends with another."""

    type = sa.Boolean()
    sqlite = (
        "(SELECT substr(crm_x, length(crm_x) - length(crm_y) + 1) = crm_y FROM (SELECT {0} AS crm_x, {1} AS crm_y))"
    )
    postgresql = (
        "(SELECT right(crm_x, length(crm_y)) = crm_y FROM (SELECT {0} AS crm_x, {1} AS crm_y OFFSET 0) AS crm_t)"
    )


class ByCodePoint(Portable):
    """A text that compares by code point, as SQLite and Python do, whatever the collation of its column."""

    type = sa.String()
    sqlite = "{0}"
    postgresql = '({0} COLLATE "C")'


class SlugCount(Portable):
    """How many slugs ``|a|b|`` has."""

    type = sa.BigInteger()
    sqlite = "(SELECT length(crm_x) - length(replace(crm_x, '|', '')) - 1 FROM (SELECT {0} AS crm_x))"
    postgresql = (
        "(SELECT length(crm_x) - length(replace(crm_x, '|', '')) - 1 FROM (SELECT {0} AS crm_x OFFSET 0) AS crm_t)"
    )


class Operand(Portable):
    """A number to calculate with. PostgreSQL would refuse the statement where 64 bits do not suffice."""

    type = sa.BigInteger()
    sqlite = "{0}"
    postgresql = "CAST({0} AS NUMERIC)"


class Checked(Portable):
    """A result of a calculation; null if it does not fit 64 bits. SQLite makes such results floats, see Whole."""

    type = sa.BigInteger()
    sqlite = "({0})"
    postgresql = (
        "(SELECT crm_n FROM (SELECT {0} AS crm_n OFFSET 0) AS crm_t"
        " WHERE crm_n BETWEEN -9223372036854775808 AND 9223372036854775807)"
    )


class Unbounded(Portable):
    """A product that is compared only; it may leave 64 bits."""

    type = sa.BigInteger()
    sqlite = "({0} * {1})"
    postgresql = "(CAST({0} AS NUMERIC) * {1})"


class Whole(Portable):
    """The outermost calculation, a whole number again; null if any result in it became a float."""

    type = sa.BigInteger()
    sqlite = "(SELECT crm_n FROM (SELECT {0} AS crm_n) WHERE typeof(crm_n) = 'integer')"
    postgresql = "CAST({0} AS BIGINT)"


class DayLine(Portable):
    """A day moved by a number of days; on SQLite as the number of days since the year 1."""

    type = sa.Integer()
    sqlite = "(CAST(julianday({0}) - 1721425.5 AS INTEGER) + {1})"
    postgresql = "({0} + CAST({1} AS INTEGER))"


class MomentLine(Portable):
    """A moment moved by microseconds, which are given as a number and as an interval; on SQLite as microseconds."""

    type = sa.Integer()
    # strftime gives whole seconds and no database function more than milliseconds: the fraction is read from the text.
    sqlite = (
        "(CAST(strftime('%s', substr({0}, 1, 19)) AS INTEGER) * 1000000 + CAST(substr({0}, 21, 6) AS INTEGER) + {1})"
    )
    postgresql = "({0} + CAST({2} AS INTERVAL))"


class Unindexed(Portable):
    """A condition that SQLite asks of each row, and never looks up in an index; PostgreSQL knows better when to."""

    type = sa.Boolean()
    sqlite = "+({0})"
    postgresql = "({0})"


class WhereShown(Portable):
    """A value, the second argument, of the rows for which a condition holds, the first; null elsewhere.

    PostgreSQL orders conditions by cost, so that a calculation might fail on a row which the policy does not show, and
    the error would tell its value. SQLite fails at no calculation, and would find more nesting than it can read.
    """

    sqlite = "{1}"
    postgresql = "CASE WHEN {0} THEN {1} END"
