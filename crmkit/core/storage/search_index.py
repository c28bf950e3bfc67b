"""What finds words in ``core_search_document``: an FTS5 table on SQLite, a GIN index on PostgreSQL.

Both keep the words that crmkit itself made of a text, and neither takes them apart again, so that both find the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

__all__ = ["DOCUMENTS", "POSTGRESQL_INDEX", "SEARCH_INDEX", "SQLITE_OBJECTS", "is_index_table", "search_level"]

DOCUMENTS = "core_search_document"
#: On SQLite: a table, and a condition on its name finds documents.
SEARCH_INDEX = "core_search_index"
POSTGRESQL_INDEX = "gin_core_search_document_words"

_SHADOWS = frozenset(f"{SEARCH_INDEX}{ending}" for ending in ("", "_config", "_data", "_docsize", "_idx"))

# The tokenizer "ascii" parts words at what is neither a letter nor a digit in ASCII, and takes all the rest as it is.
_INDEX = (
    f"CREATE VIRTUAL TABLE {SEARCH_INDEX} USING fts5"
    f"(words, content='{DOCUMENTS}', content_rowid='id', tokenize='ascii')"
)
# Documents without words as well: FTS5 counts whether it has all rows of the table that it indexes.
_ADD = f"INSERT INTO {SEARCH_INDEX} (rowid, words) VALUES (new.id, new.words)"
_REMOVE = f"INSERT INTO {SEARCH_INDEX} ({SEARCH_INDEX}, rowid, words) VALUES ('delete', old.id, old.words)"
_TRIGGERS = {
    "insert": f"AFTER INSERT ON {DOCUMENTS} BEGIN {_ADD}; END",
    "update": f"AFTER UPDATE ON {DOCUMENTS} WHEN new.words <> old.words BEGIN {_REMOVE}; {_ADD}; END",
    "delete": f"AFTER DELETE ON {DOCUMENTS} BEGIN {_REMOVE}; END",
}
#: What makes each object on SQLite, by name.
SQLITE_OBJECTS: dict[str, tuple[str, ...]] = {
    SEARCH_INDEX: (_INDEX, f"INSERT INTO {SEARCH_INDEX} ({SEARCH_INDEX}) VALUES ('rebuild')"),
    **{f"{DOCUMENTS}_{verb}": (f"CREATE TRIGGER {DOCUMENTS}_{verb} {body}",) for verb, body in _TRIGGERS.items()},
}


def is_index_table(name: str) -> bool:
    """Return whether *name* is a table in which SQLite keeps the index; nothing in it is more than the documents."""
    return name in _SHADOWS


def search_level(words: str, asked: str) -> int | None:
    """Return the first of the levels *asked* for that a document's *words* reach, ``None`` if none.

    What FTS5 answers from the index, this answers of one document; it is ``crm_search_level`` in SQLite. Levels stand
    in lines, the widest last. A level is what must be found, parted by ``&``, each one of several, parted by ``|``.
    """
    text = f" {words} "
    levels = _levels(asked)
    if not levels or not _holds(text, levels[-1]):
        return None
    return next(place for place, level in enumerate(levels) if _holds(text, level))


def _holds(text: str, level: Sequence[Sequence[str]]) -> bool:
    return all(any(phrase in text for phrase in one_of) for one_of in level)


@lru_cache(maxsize=256)
def _levels(asked: str) -> tuple[tuple[tuple[str, ...], ...], ...]:
    return tuple(tuple(tuple(one.split("|")) for one in line.split("&")) for line in asked.split("\n") if line)
