"""Statements compiled once and run many times on the driver's own cursor.

Building and hashing a statement, and wrapping its rows, cost several times what SQLite needs to answer it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from itertools import count
from sqlite3 import SQLITE_INTERRUPT
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect

from crmkit.core.storage.codecs import type_encoder
from crmkit.core.storage.troubles import trouble_of

__all__ = ["Insert", "Prepared", "Row"]

Row = tuple[Any, ...]
# Whether a parameter is given at each run, its name, and what encodes its value.
Slot = tuple[bool, str, Callable[[Any], Any] | None]
_CALLS = 8
# From how many rows on PostgreSQL takes them at once.
_MANY = 16
_to_json = msgspec.json.encode


class Prepared:
    """One statement for one dialect. Bound values in it are kept; named parameters are given at each run."""

    def __init__(
        self,
        statement: sa.sql.expression.ClauseElement,
        dialect: Dialect,
        *,
        by_value: bool = False,
        planned_once: bool = False,
    ) -> None:
        """Compile *statement*; parameters without a value are the ones that :meth:`rows` takes.

        Which plan is good depends on the values if *by_value*: then PostgreSQL makes one for each run. If it is to be
        *planned_once*, PostgreSQL makes one at the first run on a connection, because it is good for any values and
        takes longer than the run.
        """
        compiled: Any = statement.compile(dialect=dialect)
        asked = {name for name, bind in compiled.binds.items() if bind.required}
        # Expanding turns every IN of a list into as many parameters as the list has values.
        state = compiled.construct_expanded_state(dict.fromkeys(asked), escape_names=False)
        self.sql: str = state.statement
        values = {**state.parameters, **state.additional_parameters}
        processors = {**compiled._bind_processors, **state.processors}
        self._slots: list[Slot] = [(name in asked, name, processors.get(name)) for name in state.positiontup or ()]
        self._constant = [None if is_asked else _encode(values[name], encode) for is_asked, name, encode in self._slots]
        self._asked = [(place, name, encode) for place, (is_asked, name, encode) in enumerate(self._slots) if is_asked]
        self._dialect = dialect
        # psycopg has PostgreSQL keep a statement after some runs, and then its plan for any values after some more.
        is_told = dialect.driver == "psycopg" and (by_value or planned_once)
        self._options = {"prepare": planned_once} if is_told else {}
        self._planned_once = planned_once and dialect.name == "postgresql"

    @property
    def names(self) -> list[str]:
        """The parameters in the order in which rows have them."""
        return [name for _asked, name, _encode in self._slots]

    def parameters(self, given: Mapping[str, Any]) -> Row:
        """Return the positional parameters of one run."""
        values = self._constant.copy()
        for place, name, encode in self._asked:
            values[place] = given[name] if encode is None else encode(given[name])
        return tuple(values)

    def rows(self, connection: Connection, given: Mapping[str, Any] = {}) -> list[Row]:
        """Return all rows as the driver gives them, undecoded."""
        rows: list[Row] = self._run(connection, "execute", self.parameters(given), fetch=True)
        return rows

    def rows_within(self, steps: int, connection: Connection, given: Mapping[str, Any] = {}) -> list[Row] | None:
        """Return all rows, or ``None`` if SQLite needs more than about *steps* of its virtual machine for them."""
        driver: Any = connection.connection.dbapi_connection
        # SQLite counts on from the last run of the statement, so that the first call may come early.
        calls = count()
        driver.set_progress_handler(lambda: next(calls) >= _CALLS, max(1, steps // _CALLS))
        try:
            return self.rows(connection, given)
        except sa.exc.OperationalError as error:
            if getattr(error.orig, "sqlite_errorcode", None) == SQLITE_INTERRUPT:
                return None
            raise
        finally:
            driver.set_progress_handler(None, 0)

    def run(self, connection: Connection, given: Mapping[str, Any] = {}) -> int:
        """Execute once and return how many rows were touched."""
        touched: int = self._run(connection, "execute", self.parameters(given))
        return touched

    def run_rows(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Execute for each of *rows*, which are already encoded and in the order of the statement's parameters.

        Raises:
            sqlalchemy.exc.IntegrityError: a constraint refused a row.
        """
        if not rows:
            return 0
        method, parameters = ("execute", rows[0]) if len(rows) == 1 else ("executemany", rows)
        touched: int = self._run(connection, method, parameters)
        return touched

    def _run(
        self, connection: Connection, method: str, parameters: Any, *, fetch: bool = False, sql: str | None = None
    ) -> Any:
        driver = connection.connection.dbapi_connection
        assert driver is not None
        cursor = driver.cursor()
        try:
            with self._plan_kept(cursor) if self._planned_once else nullcontext():
                getattr(cursor, method)(sql or self.sql, parameters, **self._options)
                return cursor.fetchall() if fetch else cursor.rowcount
        except self._dialect.loaded_dbapi.Error as error:
            raise self._translated(connection, cursor, error, parameters) from error
        finally:
            cursor.close()

    @contextmanager
    def _plan_kept(self, cursor: Any) -> Iterator[None]:
        """Have PostgreSQL use the plan for any values, however that compares with one for the values of this run."""
        cursor.execute("SET plan_cache_mode = force_generic_plan")
        try:
            yield
        finally:
            # Where that fails the transaction has failed, and its end takes the setting back.
            with suppress(self._dialect.loaded_dbapi.Error):
                cursor.execute("RESET plan_cache_mode")

    def _translated(self, connection: Connection, cursor: Any, error: Exception, parameters: Any) -> Exception:
        """Return *error* as SQLAlchemy would raise it, or what it means, and drop a connection that is gone."""
        lost = self._dialect.is_disconnect(error, connection.connection, cursor)  # type: ignore[arg-type]
        if lost:
            connection.invalidate(error)
        trouble = trouble_of(error, lost=lost)
        if trouble is not None:
            return trouble
        module: Any = self._dialect.loaded_dbapi
        made: Any = sa.exc.DBAPIError.instance(
            self.sql, parameters, error, module.Error, connection_invalidated=lost, dialect=self._dialect
        )
        return made if isinstance(made, Exception) else error


class Insert(Prepared):
    """A prepared INSERT into all columns of one table but a key that counts by itself."""

    def __init__(self, table: sa.Table, dialect: Dialect) -> None:
        """Compile it."""
        columns = [c for c in table.columns if c is not table.autoincrement_column]
        values = {c.name: sa.bindparam(c.name, type_=c.type, required=True) for c in columns}
        super().__init__(sa.insert(table).values(values), dialect)
        encoders = {c.name: type_encoder(c.type, dialect.name) or _same for c in columns}
        self._encoders = [(name, encoders[name]) for name in self.names]
        self._cells = [f"c{n}" for n in range(len(self.names))]
        self._at_once = _from_json(table, self.names, dialect) if dialect.name == "postgresql" else None

    def insert(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Insert *rows*, each with a value for every column, and return how many there were."""
        encoded = [tuple([None if row[n] is None else encode(row[n]) for n, encode in self._encoders]) for row in rows]
        return self.run_rows(connection, encoded)

    def run_rows(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Insert *rows* as :meth:`Prepared.run_rows` does; many at once on PostgreSQL, where each costs a message."""
        if self._at_once is None or len(rows) < _MANY:
            return super().run_rows(connection, rows)
        named = [dict(zip(self._cells, row, strict=True)) for row in rows]
        text = _to_json(named).decode()
        touched: int = self._run(connection, "execute", (text,), sql=self._at_once)
        return touched


def _from_json(table: sa.Table, names: Sequence[str], dialect: Dialect) -> str:
    """Return the INSERT that takes all rows as one JSON text, which every driver sends without looking into it."""
    quote = dialect.identifier_preparer.quote
    kinds = [table.c[name].type.dialect_impl(dialect).compile(dialect).partition(" COLLATE")[0] for name in names]
    columns = ", ".join(quote(name) for name in names)
    values = ", ".join(_VALUES.get(kind, "{}").format(f"c{n}") for n, kind in enumerate(kinds))
    given = ", ".join(f"c{n} {'TEXT' if kind in _VALUES else kind}" for n, kind in enumerate(kinds))
    return (
        f"INSERT INTO {dialect.identifier_preparer.format_table(table)} ({columns}) "
        f"SELECT {values} FROM json_to_recordset(CAST(%s AS JSON)) AS given ({given})"
    )


# What JSON has as a text of another form.
_VALUES = {"JSONB": "CAST({} AS JSONB)", "BYTEA": "decode({}, 'base64')"}


def _encode(value: Any, encode: Callable[[Any], Any] | None) -> Any:
    return value if encode is None else encode(value)


def _same(value: Any) -> Any:
    return value
