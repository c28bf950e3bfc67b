"""The door of search: what is found of all entities, on which level, page by page, on either way to find it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from crmkit.core.searching import finding
from tests.oracle.acts import CLASSES
from tests.oracle.doors.reads import records, views
from tests.oracle.doors.registry import Probe, Questioner, door
from tests.oracle.walking import pages_of

# The fields that are searched, the title first.
_SEARCHED = {
    "core.team": ["name"],
    "core.user": ["name"],
    "trade.firm": ["name", "city", "secret"],
    "trade.deal": ["name", "extra.hint"],
    "trade.line": ["note"],
    "trade.partner": ["part"],
    "trade.note": ["body"],
    "custom.project": ["name", "custom.motto"],
}
_PIECES = (
    "ada Bert capek ČAPEK 上海 海 zo ze berlin bo hidden s1 s hm yes ye buys sel seen call ah h1 h2 on off of user 1 "
    "team nosuch !"
).split()


def _words(text: str) -> list[str]:
    plain = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return re.findall(r"[a-z0-9]+|[\u4e00-\u9fff]", plain.lower())


def _stands(asked: list[str], words: list[str], is_last: bool) -> bool:
    """Return whether the words *asked* stand in *words* one behind the other; the last one may be begun only."""
    for place in range(len(words) - len(asked) + 1):
        there = words[place : place + len(asked)]
        if there[:-1] == asked[:-1] and (
            there[-1] == asked[-1] or (is_last and len(asked[-1]) > 1 and there[-1].startswith(asked[-1]))
        ):
            return True
    return False


def _level(q: Questioner, entity: str, row: dict[str, Any], pieces: list[str]) -> int | None:
    """Return on which level the row is found by what the principal may read of it."""
    fields = [name for name in _SEARCHED[entity] if name in q.world.readable(q.p, entity)]
    texts = {name: _words(row[name]) if row.get(name) else [] for name in fields}
    terms = [words for piece in pieces if (words := _words(piece))]
    asked = [(words, place == len(terms) - 1) for place, words in enumerate(terms)]
    if not asked or not all(any(_stands(*term_in(term, text)) for text in texts.values()) for term in asked):
        return None
    title, whole = texts.get(_SEARCHED[entity][0], []), [word for words in terms for word in words]
    if title == whole:
        return 0
    if not title or not all(_stands(*term_in(term, title)) for term in asked):
        return 3
    is_begun = len(whole) == 1 and len(whole[0]) > 1 and title[0].startswith(whole[0])
    return 1 if title[0] == whole[0] or is_begun else 2


def term_in(term: tuple[list[str], bool], text: list[str]) -> tuple[list[str], list[str], bool]:
    """Return what :func:`_stands` is asked of *term* in *text*."""
    return term[0], text, term[1]


@contextmanager
def _rare(most: int) -> Iterator[None]:
    before, finding._RARE = finding._RARE, most
    try:
        yield
    finally:
        finding._RARE = before


@door
def search(q: Questioner) -> Iterator[Probe]:
    for _ in range(3):
        pieces = [q.chance.one(_PIECES) for _ in range(q.chance.one([1, 1, 1, 2, 2, 3]))]
        some = q.chance.one([None, None, ["trade.firm", "trade.deal"], ["trade.line"]])
        size, most = q.chance.one([1, 2, 5, 1000]), q.chance.one([0, 1, 250])

        def want(pieces=pieces, some=some):
            found: dict[str, Any] = {}
            for entity in some or _SEARCHED:
                title = _SEARCHED[entity][0]
                rows = [q.world.records[entity][id] for id in q.seen(entity)]
                levels = [(row, _level(q, entity, row, pieces)) for row in rows]
                is_told = title in q.world.readable(q.p, entity)
                told = sorted(
                    (row["id"], level, row[title] if is_told else None) for row, level in levels if level is not None
                )
                found |= {entity: (told, records(q, entity, [id for id, *_rest in told]))} if told else {}
            return found, True, True

        def call(db, pieces=pieces, some=some, size=size, most=most):
            text, entities = " ".join(pieces), some and [CLASSES[entity] for entity in some]
            whole = db.search(text, entities=entities, limit=1000).hits
            with _rare(most):
                pages = list(pages_of(lambda after: db.search(text, entities=entities, limit=size, after=after)))
            return whole, [part for page in pages for part in (page.hits, page.next)]

        def view(answer):
            whole, pages = answer
            found = {}
            for entity in {hit.entity for hit in whole}:
                mine = sorted((hit for hit in whole if hit.entity == entity), key=lambda hit: hit.id)
                found[entity] = [(hit.id, hit.rank, hit.title) for hit in mine], views([hit.record for hit in mine])
            ranks = [hit.rank for hit in whole]
            return found, ranks == sorted(ranks), [hit for hits in pages[::2] for hit in hits] == whole

        yield Probe(f"search {pieces} in {some}, {size} each, from {most} on common", want, call, view)
