"""Which content the database names: what a sweep keeps, and what a backup takes along."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Sequence
from heapq import merge
from itertools import groupby
from typing import TYPE_CHECKING, TypeAlias

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.content.places import is_hash
from crmkit.core.fields import ContentHash

if TYPE_CHECKING:
    from crmkit.core.model import Model

__all__ = ["HashColumn", "Naming", "all_named", "hash_columns", "named", "namings"]

_AT_ONCE = 500
_LENGTH = ContentHash().max

#: The names of a table and of one of its columns.
HashColumn: TypeAlias = tuple[str, str]


@attrs.frozen
class Naming:
    """A *row* of a *table* that names content; the row is empty where nothing tells it from others."""

    table: str
    row: str
    hash: str


def hash_columns(model: Model, connection: Connection) -> list[HashColumn]:
    """Return where the database names content.

    Of tables that no plugin here declares, parked ones among them, every column of texts as long as a hash counts:
    what it names is needed again when the plugin comes back.
    """
    declared = [
        (str(model.schema.table(info).name), field.name)
        for info in model.registry.tables()
        for field in info.fields.values()
        if isinstance(field.type, ContentHash)
    ]
    return [*declared, *_undeclared(connection, model.schema.metadata.tables.keys())]


def _undeclared(connection: Connection, known: Collection[str]) -> Iterator[HashColumn]:
    inspector = sa.inspect(connection)
    for table in set(inspector.get_table_names()) - set(known):
        with warnings.catch_warnings():
            # A type that SQLAlchemy does not know is none of ours.
            warnings.simplefilter("ignore", sa.exc.SAWarning)
            columns = inspector.get_columns(table)
        yield from (
            (table, str(column["name"])) for column in columns if getattr(column["type"], "length", 0) == _LENGTH
        )


def named(connection: Connection, columns: Sequence[HashColumn], hashes: Collection[str]) -> set[str]:
    """Return those of *hashes*, a few hundred at most, that a row names."""
    found: set[str] = set()
    for table, column in map(_table, columns):
        found |= set(connection.scalars(sa.select(column).select_from(table).where(column.in_(sorted(hashes)))))
    return found


def all_named(connection: Connection, columns: Sequence[HashColumn]) -> Iterator[str]:
    """Yield every hash that a row names once, in order; memory stays as it is."""
    for hash_, _same in groupby(merge(*(_values(connection, column) for column in columns))):
        yield hash_


def _values(connection: Connection, place: HashColumn) -> Iterator[str]:
    table, column = _table(place)
    last: str | None = ""
    while last is not None:
        page = sa.select(column).distinct().select_from(table).where(column > last).order_by(column).limit(_AT_ONCE)
        values = connection.scalars(page).all()
        yield from filter(is_hash, values)
        last = values[-1] if len(values) == _AT_ONCE else None


def namings(
    model: Model, connection: Connection, columns: Sequence[HashColumn], hashes: Collection[str]
) -> Iterator[Naming]:
    """Yield each row that names one of *hashes*, a few hundred at most."""
    for place in columns:
        table, column = _table(place)
        declared = model.schema.metadata.tables.get(table.name)
        keys = [] if declared is None else [sa.column(key.name, key.type) for key in declared.primary_key][:1]
        rows = sa.select(column, *keys).select_from(table).where(column.in_(sorted(hashes)))
        for hash_, *row in connection.execute(rows):
            yield Naming(table.name, str(row[0]) if row else "", hash_)


def _table(place: HashColumn) -> tuple[sa.TableClause, sa.ColumnClause[str]]:
    column: sa.ColumnClause[str] = sa.column(place[1], sa.String())
    return sa.table(place[0], column), column
