"""Twenty deals by a word in their names, rare or common, for a salesperson and an administrator.

By hand it is an index of the names alone, without what makes hidden fields hidden, and the same visibility.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from benchmarks.figures import Figure, taking_turns
from benchmarks.handwritten.reading import Eyes, Hand, best_of
from benchmarks.harness import Comparison
from benchmarks.rows.viewers import Viewer, viewers
from benchmarks.world.opening import World
from benchmarks.world.trade.entities import Deal
from crmkit.core.searching.rebuilding import make_all

__all__ = ["figures"]

_LIMIT = 20


@attrs.frozen
class _Word:
    """A *word*, what crmkit is *asked* for, and what SQL asks for in turn until there are enough."""

    name: str
    asked: str
    begins: str
    stands: str


_WORDS = (
    _Word("rare word", "zeppelin", "zeppelin", "zeppelin"),
    _Word("common word", "press", "press", "press"),
    _Word("beginning of a word", "mig", "mig*", "mig*"),
    _Word("no such word", "nosuchword", "nosuchword", "nosuchword"),
)


def figures(world: World) -> Iterator[Figure]:
    """Yield the figures of searches."""
    hand = Hand(world)
    salesperson, _manager, administrator = viewers(hand)
    for viewer in (salesperson, administrator):
        for word in _WORDS:
            yield Figure("search", f"{viewer.name}, {word.name}", _measured(hand, viewer, word))


def _measured(hand: Hand, viewer: Viewer, word: _Word) -> Callable[[], Comparison]:
    def measure() -> Comparison:
        _prepare(hand)
        return taking_turns(_ours(hand, viewer, word), _theirs(hand, viewer.eyes, word), _same(hand))()

    return measure


def _prepare(hand: Hand) -> None:
    """Make both indexes, once: records of the benchmark are loaded past crmkit."""
    crm = hand.world.crm
    if sa.inspect(crm.storage.engine).has_table("hand_search"):
        return
    make_all(lambda: crm.system("benchmark"))
    with crm.storage.writing() as connection:
        if hand.is_sqlite:
            tokenize = "tokenize='unicode61 remove_diacritics 2'"
            connection.exec_driver_sql(f"CREATE VIRTUAL TABLE hand_search USING fts5(name, content='', {tokenize})")
            connection.exec_driver_sql(
                "INSERT INTO hand_search (rowid, name) SELECT rowid, name FROM trade_deal ORDER BY id"
            )
            return
        words = "to_tsvector('simple', name) AS words"
        connection.exec_driver_sql(f"CREATE TABLE hand_search AS SELECT id AS deal, name, {words} FROM trade_deal")
        connection.exec_driver_sql("ALTER TABLE hand_search ADD PRIMARY KEY (deal)")
        connection.exec_driver_sql("CREATE INDEX gin_hand_search ON hand_search USING gin (words)")
        connection.exec_driver_sql("ANALYZE hand_search")
        connection.exec_driver_sql("ANALYZE core_search_document")


def _ours(hand: Hand, viewer: Viewer, word: _Word) -> Callable[[], Any]:
    crm, principal = hand.world.crm, hand.world.principal(viewer.member)

    def search() -> Any:
        with crm.read(principal) as db:
            return [hit.record for hit in db.search(word.asked, entities=[Deal], limit=_LIMIT).hits]

    return search


def _theirs(hand: Hand, eyes: Eyes, word: _Word) -> Callable[[], Sequence[Any]]:
    """Return what finds names that begin with the word, and then, if that is not enough, those that have it."""
    begins, stands = (_statement(hand, eyes, word, is_first=is_first) for is_first in (True, False))

    def both() -> Sequence[Any]:
        rows = begins()
        return rows if len(rows) == _LIMIT else [*rows, *stands()][:_LIMIT]

    return both


def _statement(hand: Hand, eyes: Eyes, word: _Word, *, is_first: bool) -> Callable[[], Sequence[Any]]:
    if hand.is_sqlite:
        tables = "hand_search CROSS JOIN trade_deal ON trade_deal.rowid = hand_search.rowid"
        query = f"^ {word.begins}" if is_first else f"{word.stands} NOT ^ {word.begins}"
        condition, orders = "hand_search MATCH :query", ("hand_search.rowid DESC",)
    else:
        tables, stem = "hand_search JOIN trade_deal ON id = deal", word.begins.rstrip("*")
        query = f"{stem}:*" if word.begins != stem else stem
        condition = "words @@ CAST(:query AS tsquery) AND lower(hand_search.name) "
        condition += f"{'' if is_first else 'NOT '}LIKE '{stem}%'"
        orders = ("id DESC",)
    statements = (
        f"SELECT {hand.columns()} FROM {tables} WHERE {condition} AND deleted_at IS NULL AND {eyes.whole} "
        f"ORDER BY {order} LIMIT {_LIMIT}"
        for order in orders
    )
    return best_of(hand.run(statement, {**eyes.parameters, "query": query}) for statement in statements)


def _same(hand: Hand) -> Callable[[Any, Any], bool]:
    def same(ours: Any, theirs: Any) -> bool:
        return [hand.id(record.id) for record in ours] == [row.id for row in theirs]

    return same
