"""Keeping the words by which records are found, in the same transaction as the values that have them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from crmkit.core.searching.documents import Searched, SearchedField, stored_form
from crmkit.core.storage.codecs import type_encoder
from crmkit.core.storage.columns import Id
from crmkit.core.storage.prepared import Insert, Prepared
from crmkit.core.storage.schema import Schema
from crmkit.core.writing.changes import Write, grouped

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["Documents", "keep_searched"]


class Documents:
    """The statements that keep documents; a document keeps its id, and so its place among others, for life."""

    def __init__(self, schema: Schema, dialect: sa.Dialect) -> None:
        """Compile them."""
        table = schema.system.search_document
        self._dialect, self._insert = dialect.name, Insert(table, dialect)
        self._encode_id: Any = type_encoder(Id(), dialect.name) or (lambda value: value)
        statement: Any = (sqlite if dialect.name == "sqlite" else postgresql).insert(table)
        columns = ("entity", "record_id", "words")
        statement = statement.values({n: sa.bindparam(n, type_=table.c[n].type, required=True) for n in columns})
        there = [table.c.record_id, table.c.entity]
        taken = statement.on_conflict_do_update(index_elements=there, set_={"words": statement.excluded.words})
        self._put = Prepared(taken, dialect)

    def add(self, connection: Connection, entity: str, words: Iterable[tuple[UUID, str]]) -> None:
        """Keep the *words* of records that have none yet."""
        self._insert.run_rows(connection, self._rows(self._insert, entity, words))

    def put(self, connection: Connection, entity: str, words: Iterable[tuple[UUID, str]]) -> None:
        """Keep the *words* of records in the place of what was kept of them."""
        self._put.run_rows(connection, self._rows(self._put, entity, words))

    def _rows(self, statement: Prepared, entity: str, words: Iterable[tuple[UUID, str]]) -> list[tuple[Any, ...]]:
        encode, dialect = self._encode_id, self._dialect
        rows = (
            {"entity": entity, "record_id": encode(id_), "words": stored_form(each, dialect)} for id_, each in words
        )
        return [tuple([row[name] for name in statement.names]) for row in rows]


def keep_searched(writer: Writer, writes: Sequence[Write]) -> None:
    """Keep the words of records that are new, changed or restored, and those of records in the bin no longer."""
    for entity, group in grouped(writes, lambda w: w.entity.id):
        searched = writer.model.searched.get(entity)
        if searched is not None:
            names, documents = searched.names, writer.model.search_documents
            new = [(w.record_id, _words(searched, w)) for w in group if w.kind == "create"]
            changed = [(w.record_id, _words(searched, w)) for w in group if w.kind != "create" and _concerns(names, w)]
            documents.add(writer.connection, entity, new)
            documents.put(writer.connection, entity, changed)


def _concerns(names: frozenset[str], write: Write) -> bool:
    return write.kind in ("delete", "restore") or not names.isdisjoint(write.values)


def _words(searched: Searched, write: Write) -> str:
    if write.kind == "delete":
        return ""

    def value_of(field: SearchedField) -> Any:
        if field.name in write.values or field.name in write.stored:
            return write.get(field.name)
        # Of an extension that nobody wrote: there is no row of it, and it has its defaults.
        return field.field.default()

    return searched.words(value_of)
