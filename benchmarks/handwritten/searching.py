"""Finding deals by the words of their names, and keeping those words as crmkit does, so that it finds them too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from benchmarks.handwritten.reading import Eyes, Hand, Rows
from crmkit.core.searching.words import split_words

__all__ = ["FOUND", "Documents", "finding", "prepare"]

#: How many deals are looked for.
FOUND = 20


class Documents:
    """Keeps the words of deals: each behind the code of the field, the first and all of them once more."""

    def __init__(self, hand: Hand) -> None:
        """Write the statements."""
        self._is_sqlite = hand.is_sqlite
        (name,) = hand.world.crm.model.searched["trade.deal"].fields
        self._code = name.code
        words = ":words" if hand.is_sqlite else "CAST(:words AS tsvector)"
        columns = "core_search_document (entity, record_id, words)"
        self._insert = sa.text(f"INSERT INTO {columns} VALUES ('trade.deal', :id, {words})")
        self._copy = f"COPY {columns} FROM STDIN"

    def insert(self, connection: Connection, named: Sequence[tuple[Any, str]]) -> None:
        """Keep the words of new deals: of each the id, as the driver takes it, and the name."""
        if not self._is_sqlite and len(named) > 1:
            driver: Any = connection.connection.driver_connection
            with driver.cursor() as cursor, cursor.copy(self._copy) as copy:
                for id_, name in named:
                    copy.write_row(("trade.deal", id_, self._words(name)))
        elif named:
            connection.execute(self._insert, [{"id": id_, "words": self._words(name)} for id_, name in named])

    def _words(self, name: str) -> str:
        code, found = self._code, split_words(name)
        words = [f"{code}w{word}" for word in found]
        if found:
            entire = blake2b("\0".join(found).encode(), digest_size=8).hexdigest()
            words += [f"{code}b{found[0]}", f"{code}e{entire}"]
        if self._is_sqlite:
            return " ".join(words)
        return " ".join([f"'{word}':{place}" for place, word in enumerate(words, 1)])


def prepare(hand: Hand) -> None:
    """Make an index of the names alone, once."""
    crm = hand.world.crm
    if sa.inspect(crm.storage.engine).has_table("hand_search"):
        return
    with crm.storage.writing() as connection:
        for statement in _INDEX[crm.storage.dialect.name]:
            connection.exec_driver_sql(statement)


_INDEX: dict[str, Iterable[str]] = {
    "sqlite": (
        "CREATE VIRTUAL TABLE hand_search USING fts5(name, content='', tokenize='unicode61 remove_diacritics 2')",
        "INSERT INTO hand_search (rowid, name) SELECT rowid, name FROM trade_deal ORDER BY id",
    ),
    "postgresql": (
        "CREATE TABLE hand_search AS SELECT id AS deal, name, to_tsvector('simple', name) AS words FROM trade_deal",
        "ALTER TABLE hand_search ADD PRIMARY KEY (deal)",
        "CREATE INDEX gin_hand_search ON hand_search USING gin (words)",
        "ANALYZE hand_search",
    ),
}


def finding(hand: Hand, eyes: Eyes, word: str) -> Callable[[], Rows]:
    """Return what finds names that begin with *word*, and then, if that is not enough, those that have it.

    As for crmkit, the word may be the beginning of one.
    """
    begins, stands = (_statement(hand, eyes, word, is_first=first) for first in (True, False))

    def both() -> Rows:
        rows = begins()
        return rows if len(rows) == FOUND else [*rows, *stands()][:FOUND]

    return both


def _statement(hand: Hand, eyes: Eyes, word: str, *, is_first: bool) -> Callable[[], Rows]:
    if hand.is_sqlite:
        tables = "hand_search CROSS JOIN trade_deal ON trade_deal.rowid = hand_search.rowid"
        query = f"^ {word}*" if is_first else f"{word}* NOT ^ {word}*"
        condition, order = "hand_search MATCH :query", "hand_search.rowid DESC"
    else:
        tables = "hand_search JOIN trade_deal ON id = deal"
        query = f"{word}:*"
        condition = "words @@ CAST(:query AS tsquery) AND lower(hand_search.name) "
        condition += f"{'' if is_first else 'NOT '}LIKE '{word}%'"
        order = "id DESC"
    statement = (
        f"SELECT {hand.columns()} FROM {tables} WHERE {condition} AND deleted_at IS NULL AND {eyes.whole} "
        f"ORDER BY {order} LIMIT {FOUND}"
    )
    return hand.run(statement, {**eyes.parameters, "query": query})
