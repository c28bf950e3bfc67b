"""Whether records are found by the words that they have, and by no others."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.reading.reader import Reader
from crmkit.core.searching.documents import Searched, stored_form
from crmkit.core.searching.rebuilding import behind
from crmkit.core.searching.stored import StoredTexts
from crmkit.core.storage.held import Held
from crmkit.core.storage.search_index import DOCUMENTS, SEARCH_INDEX
from crmkit.core.text import gettext as _
from crmkit.core.verifying.findings import Finding

if TYPE_CHECKING:
    from crmkit.core.model import Model

__all__ = ["examine_search"]

_PAGE = 500
_SAID = "crm_words_of_index"
# FTS5 checks itself as well, but as somebody who writes, which would keep out everybody else.
_MISSING = (
    f"SELECT (SELECT count(*) FROM temp.{_SAID}) <> (SELECT coalesce(sum(length(words) - "
    f"length(replace(words, ' ', '')) + 1), 0) FROM {DOCUMENTS} WHERE words <> '')"
)
_FOREIGN = (
    f"SELECT EXISTS (SELECT 1 FROM temp.{_SAID} AS said LEFT JOIN {DOCUMENTS} AS kept ON kept.id = said.doc "
    "WHERE kept.id IS NULL OR instr(' ' || kept.words || ' ', ' ' || said.term || ' ') = 0)"
)
_MEND = _("Make anew what words are found by: crmkit search --rebuild")


def examine_search(model: Model, connection: Connection) -> Iterator[Finding]:
    """Yield the records of which other words are kept than they have, and what is kept of records that are not there.

    Whether SQLite's index agrees with what is kept is found as well. Of entities whose words are still to be made
    nothing is said: a worker is on its way.
    """
    unmade = behind(Reader(model, Held(connection), model.system_access))
    for searched in (each for entity, each in model.searched.items() if entity not in unmade):
        texts = StoredTexts(model.registry, model.schema, searched)
        for rows in _pages(model, connection, texts):
            yield from _compared(connection, texts, rows)
        yield from _vanished(model, connection, searched)
    if connection.dialect.name == "sqlite":
        yield from _index(connection)


def _pages(model: Model, connection: Connection, texts: StoredTexts) -> Iterator[Sequence[Any]]:
    document, table, entity = model.schema.system.search_document, texts.table, texts.searched.info.id
    kept = sa.cast(document.c.words, sa.Text).label("kept")
    mine = sa.and_(document.c.record_id == table.c.id, document.c.entity == entity)
    page = texts.select().add_columns(kept).outerjoin(document, mine).limit(_PAGE)
    rows = connection.execute(page).all()
    while rows:
        yield rows
        rows = connection.execute(page.where(table.c.id > rows[-1].id)).all()


def _compared(connection: Connection, texts: StoredTexts, rows: Sequence[Any]) -> Iterator[Finding]:
    wanted = _as_kept(connection, [texts.words(row) for row in rows])
    for row, words in zip(rows, wanted, strict=True):
        if (row.kept or "") != words:
            message = _("is found by other words than it has")
            yield Finding("search", texts.table.name, str(row.id), message, _MEND)


def _as_kept(connection: Connection, words: Sequence[str]) -> Sequence[str]:
    """Return *words* of each record as the database says them."""
    if connection.dialect.name == "sqlite":
        return words
    given = json.dumps([stored_form(each, "postgresql") for each in words])
    asked = "SELECT CAST(CAST(value AS tsvector) AS text) FROM json_array_elements_text(CAST(:given AS json))"
    said = connection.scalars(sa.text(f"{asked} WITH ORDINALITY ORDER BY ordinality"), {"given": given})
    return said.all()


def _vanished(model: Model, connection: Connection, searched: Searched) -> Iterator[Finding]:
    document, table = model.schema.system.search_document, model.schema.table(searched.info)
    there = sa.exists().where(table.c.id == document.c.record_id)
    lost = sa.select(document.c.record_id).where(document.c.entity == searched.info.id, ~there).limit(100)
    for id_ in connection.scalars(lost):
        yield Finding("search", DOCUMENTS, str(id_), _("is kept of a record that is not there"), _MEND)


def _index(connection: Connection) -> Iterator[Finding]:
    """Compare the words that the index has of each document with those that the document has."""
    connection.exec_driver_sql(
        f"CREATE VIRTUAL TABLE temp.{_SAID} USING fts5vocab('main', '{SEARCH_INDEX}', 'instance')"
    )
    try:
        disagree = any(connection.exec_driver_sql(asked).scalar() for asked in (_MISSING, _FOREIGN))
    except sa.exc.DatabaseError:
        disagree = True
    finally:
        connection.exec_driver_sql(f"DROP TABLE temp.{_SAID}")
    if disagree:
        yield Finding("search", SEARCH_INDEX, "", _("the index is not that of what is kept"), _MEND)
