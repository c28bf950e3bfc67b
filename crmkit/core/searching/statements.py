"""The statements of a search, on SQLite and on PostgreSQL.

A rare word is looked up whole, and then is asked which of what was found may be seen. Of a common one the newest that
may be seen are wanted: they are met on the way through all that is found, or among all that may be seen, whichever is
the shorter way. No number of candidates is a limit to what is found: hidden ones would use it up.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from crmkit.core.entity import EntityInfo
from crmkit.core.policy.visibility import Visibility
from crmkit.core.rules.portable import Portable, Unindexed
from crmkit.core.storage.schema import Schema
from crmkit.core.storage.search_index import SEARCH_INDEX

__all__ = ["candidates", "place_of", "seen", "walks"]

_INDEX = sa.table(SEARCH_INDEX, sa.column("rowid", sa.Integer()))


class _Level(Portable):
    """Which of four levels the words of a document reach; those on SQLite stand in one text."""

    type = sa.Integer()
    sqlite = "crm_search_level({0}, {1})"


class _Matches(Portable):
    # Of a truth SQLAlchemy would ask whether it is 1, which FTS5 does not answer.
    type = sa.types.NULLTYPE
    sqlite = f"({SEARCH_INDEX} MATCH {{0}})"


class _Holds(Portable):
    type = sa.Boolean()
    postgresql = "({0} @@ CAST({1} AS tsquery))"


def _text(name: str) -> ColumnElement[Any]:
    return sa.bindparam(name, type_=sa.Text(), required=True)


def _number(name: str) -> ColumnElement[Any]:
    return sa.bindparam(name, type_=sa.BigInteger(), required=True)


def candidates(schema: Schema, number: int, limit: int, *, is_sqlite: bool) -> Any:
    """Return the statement of the documents that each of so many queries finds, whoever may see them.

    It takes ``match_0`` and so on. A row is the number of the query and the id of a document, up to *limit* of each.
    """
    most = sa.literal_column(str(limit), sa.Integer())
    parts = [_candidates_of(schema, place, is_sqlite=is_sqlite).limit(most) for place in range(number)]
    return parts[0] if number == 1 else sa.union_all(*(sa.select(part.subquery()) for part in parts))


def _candidates_of(schema: Schema, place: int, *, is_sqlite: bool) -> sa.Select[Any]:
    query, number = _text(f"match_{place}"), sa.literal_column(str(place), sa.Integer()).label("place")
    if is_sqlite:
        return sa.select(number, _INDEX.c.rowid).where(_Matches(query))
    document = schema.system.search_document
    return sa.select(number, document.c.id).where(_Holds(document.c.words, query))


def seen(visibility: Visibility, info: EntityInfo, levels: int, number: int, *, is_sqlite: bool) -> sa.Select[Any]:
    """Return the statement of those of *number* documents whose record of *info* is visible.

    It takes ``document_0`` and so on; on SQLite ``levels``, on PostgreSQL ``level_0`` for each of so many *levels* but
    the last. A row is the document's id, the record's, and the number of the level that it reaches.
    """
    table, document = visibility.schema.table(info), visibility.schema.system.search_document
    if is_sqlite:
        level: ColumnElement[Any] = _Level(document.c.words, _text("levels"))
    else:
        level = sa.literal_column(str(levels - 1), sa.Integer())
        better: list[Any] = [
            (_Holds(document.c.words, _text(f"level_{n}")), sa.literal_column(str(n))) for n in range(levels - 1)
        ]
        level = sa.case(*better, else_=level) if better else level
    both = document.join(table, table.c.id == document.c.record_id)
    named = document.c.id.in_([_number(f"document_{place}") for place in range(number)])
    wanted = sa.select(document.c.id, document.c.record_id, level).select_from(both)
    return wanted.where(named, document.c.entity == info.id, visibility.shown(info, table.c))


def walks(
    visibility: Visibility, info: EntityInfo, limit: int, *, is_sqlite: bool
) -> list[sa.Select[Any] | sa.CompoundSelect[Any]]:
    """Return statements that all give the newest *limit* visible records of *info* on one level.

    They take ``match``, ``before``, on SQLite ``levels`` and ``level``. Rows are the ids of document and record.
    """
    if is_sqlite:
        return [_through_found(visibility, info, limit), *_through_visible(visibility, info, limit)]
    table, document = visibility.schema.table(info), visibility.schema.system.search_document
    walk = sa.select(document.c.id, document.c.record_id).join(table, table.c.id == document.c.record_id)
    shown = visibility.shown(info, table.c)
    matches = _Holds(document.c.words, _text("match"))
    walk = walk.where(matches, document.c.entity == info.id, document.c.id < _number("before"), shown)
    return [walk.order_by(document.c.id.desc()).limit(sa.literal_column(str(limit), sa.Integer()))]


def _through_found(visibility: Visibility, info: EntityInfo, limit: int) -> sa.Select[Any]:
    """Return the way through the index, newest first, asking of each whether it is visible."""
    table, document = visibility.schema.table(info), visibility.schema.system.search_document
    found = _INDEX.join(document, document.c.id == _INDEX.c.rowid).join(table, table.c.id == document.c.record_id)
    walk = sa.select(document.c.id, document.c.record_id).select_from(found)
    walk = walk.where(_Matches(_text("match")), _INDEX.c.rowid < _number("before"), document.c.entity == info.id)
    return walk.where(Unindexed(visibility.shown(info, table.c))).order_by(_INDEX.c.rowid.desc()).limit(limit)


def _through_visible(visibility: Visibility, info: EntityInfo, limit: int) -> list[Any]:
    """Return the way through all that is visible, asking of each whether it is found; none for who sees everything."""
    if visibility.access.is_system or visibility.access.entity(info).scope("read").level == "all":
        return []
    table, document = visibility.schema.table(info), visibility.schema.system.search_document
    both = table.join(document, sa.and_(document.c.record_id == table.c.id, document.c.entity == info.id))
    reached = _Level(document.c.words, _text("levels")) == _number("level")
    columns = document.c.id.label("document"), document.c.record_id
    parts = [
        sa.select(*columns)
        .select_from(both)
        .where(table.c.deleted_at.is_(None), branch, document.c.id < _number("before"), reached)
        for branch in visibility.branches(info, table.c)
    ]
    # By what no index has: the newest first, it would read all documents there are.
    newest: ColumnElement[Any] = sa.literal_column("document + 0").desc()
    if len(parts) == 1:
        return [parts[0].order_by(newest).limit(limit)]
    merged = sa.union_all(*parts).subquery()
    return [sa.select(merged.c.document, merged.c.record_id).order_by(newest).limit(limit)]


def place_of(schema: Schema) -> sa.Select[Any]:
    """Return the statement of the id of the document of ``record``, of ``entity``."""
    document = schema.system.search_document
    record = sa.bindparam("record", type_=document.c.record_id.type, required=True)
    return sa.select(document.c.id).where(document.c.record_id == record, document.c.entity == _text("entity"))
