"""What is shown of a record that was found: its title, and a piece of the text in which the words stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs

from crmkit.core.entity import EntityInfo, Record, is_custom
from crmkit.core.searching.asking import Asked, Term
from crmkit.core.searching.documents import SearchedField
from crmkit.core.searching.words import Word, placed_words

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader

__all__ = ["Hit", "SearchPage", "Snippet", "shown_hits"]

_LONGEST, _BEFORE = 160, 40
_MORE = "…"


@attrs.frozen
class Snippet:
    """A piece of the text of a *field*; *marks* say from where to where in *text* what was asked for stands.

    Places count characters (code points) from 0, the second one is behind the last character.
    """

    field: str
    text: str
    marks: tuple[tuple[int, int], ...]


@attrs.frozen
class Hit:
    """A record that was found.

    *title* is what people call it, ``None`` if that is empty or hidden. The lower the *rank*, the better: 0 if the
    title is what was asked for, 1 if it begins with it, 2 if it has it, 3 if other fields have it.
    """

    record: Record
    title: str | None
    snippet: Snippet
    rank: int

    @property
    def entity(self) -> str:
        """The id of the record's entity."""
        id_: str = self.record.__entity__.id
        return id_

    @property
    def id(self) -> UUID:
        """The record's id."""
        return self.record.id


@attrs.frozen
class SearchPage:
    """Some of what was found, the best first, and the cursor behind the last; ``None`` at the end."""

    hits: list[Hit]
    next: str | None


def shown_hits(
    reader: Reader,
    asked: Asked,
    fields: Sequence[SearchedField],
    title: SearchedField | None,
    ranks: Mapping[UUID, int],
) -> Iterator[Hit]:
    """Yield what is shown of the records of one entity with these *ranks* by id; all is read through the wall."""
    info = reader.model.registry.entities[fields[0].field.entity]
    records = reader.get_many(info.cls, ranks)
    sides = _sides(reader, info, fields, list(records.values()))
    for id_, record in records.items():
        texts = {field.name: _value(record, field, sides) for field in fields}
        called = None if title is None else texts[title.name]
        yield Hit(record, called, _snippet(asked, texts), ranks[id_])


def _sides(
    reader: Reader, info: EntityInfo, fields: Sequence[SearchedField], records: Sequence[Record]
) -> dict[str, Mapping[UUID, Any]]:
    """Return the extensions that *fields* are of, by plugin and record."""
    plugins = {field.plugin for field in fields if field.plugin is not None}
    extensions = reader.model.registry.extensions.get(info.id, {})
    return {plugin: reader.extensions(extensions[plugin].cls, records) for plugin in plugins}


def _value(record: Record, field: SearchedField, sides: Mapping[str, Mapping[UUID, Any]]) -> str | None:
    key = field.field.key
    found: str | None
    if field.plugin is not None:
        found = getattr(sides[field.plugin][record.id], key)
    else:
        found = record.custom.get(key) if is_custom(field.name) else getattr(record, key)
    return found


def _snippet(asked: Asked, texts: Mapping[str, str | None]) -> Snippet:
    """Return the piece of the first of *texts* that has most of what was asked for."""
    best, most, stands = "", -1, list[tuple[int, int]]()
    for name, text in texts.items():
        words = list(placed_words(text)) if text else []
        found = [spans for term in asked.terms if (spans := list(_spans(term, words)))]
        if len(found) > most:
            best, most, stands = name, len(found), sorted({span for spans in found for span in spans})
    return _cut(best, texts[best] or "", stands)


def _spans(term: Term, words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    plain = [word.word for word in words]
    for place, word in enumerate(words):
        if term.matches(plain, place):
            yield word.start, words[place + len(term.words) - 1].end


def _cut(field: str, text: str, spans: Sequence[tuple[int, int]]) -> Snippet:
    """Return the piece of *text* that begins a little before the first of *spans*, with an ellipsis where it is cut."""
    begin = 0 if len(text) <= _LONGEST or not spans else max(0, spans[0][0] - _BEFORE)
    if begin:
        # Where a word begins, if one does before what was found.
        gap = text.find(" ", begin, spans[0][0])
        begin = begin if gap < 0 else gap + 1
    end = min(len(text), begin + _LONGEST)
    before, behind = _MORE if begin else "", _MORE if end < len(text) else ""
    shift = len(before) - begin
    marks = tuple((start + shift, stop + shift) for start, stop in _apart(spans) if start >= begin and stop <= end)
    return Snippet(field, before + text[begin:end] + behind, marks)


def _apart(spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield *spans*, those that overlap as one."""
    last: tuple[int, int] | None = None
    for start, stop in spans:
        if last is not None and start < last[1]:
            last = last[0], max(last[1], stop)
            continue
        if last is not None:
            yield last
        last = start, stop
    if last is not None:
        yield last
