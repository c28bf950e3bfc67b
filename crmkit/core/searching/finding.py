"""Searching: what is found of what a principal sees, the best first.

What comes first is decided by the record alone: whether its title is what was asked, begins with it, has it, or whether
other fields have it; then the newest. Statistics of all records, as databases offer them for ranking, would tell what
hidden ones hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

import attrs

from crmkit.core.entity import EntityInfo, Record
from crmkit.core.reading.limits import check_limit
from crmkit.core.reading.ordering import CursorError
from crmkit.core.reading.races import Race
from crmkit.core.searching.asking import ANYWHERE, Asked, Levels
from crmkit.core.searching.cursors import Mark, decode_mark, encode_mark
from crmkit.core.searching.documents import Searched, SearchedField
from crmkit.core.searching.hits import Hit, SearchPage, shown_hits
from crmkit.core.searching.statements import candidates, place_of, seen, walks
from crmkit.core.storage.batches import padded_batches
from crmkit.core.storage.codecs import id_decoder
from crmkit.core.storage.prepared import Prepared

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader

__all__ = ["search"]

# More than so many that have a word are not all asked for: the newest visible ones are looked for instead.
_RARE = 250
_NEWEST = 2**62


@attrs.frozen
class _Found:
    """A record that was found, and where its document stands."""

    level: int
    document: int
    info: EntityInfo
    record: UUID

    @property
    def order(self) -> tuple[int, int]:
        return self.level, -self.document


@attrs.frozen
class _Question:
    """What is asked of one entity: the fields that may be read, and the levels."""

    searched: Searched
    fields: tuple[SearchedField, ...]
    levels: Levels


def search(
    reader: Reader, text: str, entities: Sequence[type[Record] | str] | None, limit: int, after: str | None
) -> SearchPage:
    """Return up to *limit* visible records that have all words of *text* in fields that may be read.

    Raises:
        SearchTextError, UnknownEntityError, LimitError, CursorError: as for :meth:`Reader.search`.
    """
    check_limit(limit)
    asked, registry = Asked.parse(text), reader.model.registry
    infos = None if entities is None else [registry.entity(each) for each in entities]
    mark = None if after is None else decode_mark(after, text, infos)
    begin = (-1, 0) if mark is None else _order_of(reader, mark)
    questions = _questions(reader, asked, infos) if asked.terms else []
    found = sorted(_found(reader, questions, begin, limit + 1), key=lambda each: each.order)
    hits = _hits(reader, asked, questions, found[:limit])
    if len(found) <= limit:
        return SearchPage(hits, None)
    last = found[limit - 1]
    return SearchPage(hits, encode_mark(Mark(last.level, last.info.id, last.record), text, infos))


def _order_of(reader: Reader, mark: Mark) -> tuple[int, int]:
    """Return where *mark* stands among all that is found.

    Raises:
        CursorError: what it marks is not there any more, or hidden.
    """
    info = reader.model.registry.entities.get(mark.entity)
    if info is None or not reader.allowed_ids(info, "read", [mark.record]):
        raise CursorError
    values = {"record": mark.record, "entity": mark.entity}
    rows = reader.rows_for(("search_place",), lambda: place_of(reader.model.schema), values)
    if not rows:
        raise CursorError
    return mark.level, -rows[0][0]


def _questions(reader: Reader, asked: Asked, infos: Sequence[EntityInfo] | None) -> list[_Question]:
    wanted = None if infos is None else {info.id for info in infos}
    found = []
    for entity, searched in reader.model.searched.items():
        access = reader.access.entity(searched.info)
        if (wanted is not None and entity not in wanted) or not (access.scope("read") or access.shared):
            continue
        fields = tuple(field for field in searched.fields if field.name in access.readable)
        if fields:
            title = searched.title if searched.title in fields else None
            found.append(_Question(searched, fields, asked.levels(fields, title)))
    return found


def _found(reader: Reader, questions: Sequence[_Question], begin: tuple[int, int], limit: int) -> list[_Found]:
    """Return the first *limit* of what is found behind *begin* in each entity, and perhaps more."""
    if not questions:
        return []
    found: list[_Found] = []
    name = reader.model.storage.dialect.name
    matches = [question.levels.match(name, ANYWHERE) for question in questions]
    for question, documents in zip(questions, _candidates(reader, matches), strict=True):
        if len(documents) > _RARE:
            found += _walked(reader, question, begin, limit)
        else:
            found += _seen(reader, question, begin, documents)
    return found


def _candidates(reader: Reader, matches: Sequence[str]) -> list[list[int]]:
    """Return for each of *matches* up to a few hundred documents that it finds, whoever may see them."""
    model, number = reader.model, len(matches)
    dialect, is_sqlite = model.storage.dialect, model.storage.is_sqlite

    def make() -> Prepared:
        statement = candidates(model.schema, number, _RARE + 1, is_sqlite=is_sqlite)
        return Prepared(statement, dialect, planned_once=True)

    prepared = model.statements.get(("search_candidates", number), make)
    found: list[list[int]] = [[] for _match in matches]
    values = {f"match_{place}": match for place, match in enumerate(matches)}
    for place, document in prepared.rows(reader.connection, values):
        found[place].append(document)
    return found


def _seen(reader: Reader, question: _Question, begin: tuple[int, int], documents: Sequence[int]) -> Iterator[_Found]:
    """Yield those of *documents* that the principal sees, if they stand behind *begin*."""
    model, info, levels = reader.model, question.searched.info, question.levels
    name, number = model.storage.dialect.name, len(levels.levels)
    decode, asked = id_decoder(name), {"levels": levels.plain}
    for place in range(number - 1):
        asked[f"level_{place}"] = levels.match(name, levels.first + place)
    for batch in padded_batches(documents):
        rows = reader.rows_for(
            ("search_seen", info.id, number, len(batch)),
            partial(seen, reader.named_visibility, info, number, len(batch), is_sqlite=model.storage.is_sqlite),
            {**asked, **{f"document_{place}": document for place, document in enumerate(batch)}},
        )
        made = (_Found(levels.first + level, document, info, decode(record)) for document, record, level in rows)
        yield from (each for each in made if each.order > begin)


def _walked(reader: Reader, question: _Question, begin: tuple[int, int], limit: int) -> list[_Found]:
    """Return the first *limit* visible ones behind *begin*, level by level, newest first."""
    info, levels, found = question.searched.info, question.levels, list[_Found]()
    dialect, decode = reader.model.storage.dialect, id_decoder(reader.model.storage.dialect.name)

    def make() -> Race:
        ways = walks(reader.named_visibility, info, limit, is_sqlite=reader.model.storage.is_sqlite)
        return Race(ways, dialect, by_value=True)

    race, first = reader.kept(("search", info.id, limit), make), max(levels.first, begin[0])
    if first == 0 and not reader.model.storage.is_sqlite:
        # PostgreSQL knows nothing of how many have a title, and may read all documents for one that nobody has.
        [titled] = _candidates(reader, [levels.match(dialect.name, 0)])
        if len(titled) <= _RARE:
            found += _seen(reader, question, begin, titled)
            first = 1
    for level in range(first, ANYWHERE + 1):
        if len(found) >= limit:
            break
        values = {
            "match": levels.match(dialect.name, level, but_better=True),
            "levels": levels.plain,
            "level": level - levels.first,
            "before": -begin[1] if level == begin[0] else _NEWEST,
        }
        rows = race.rows(reader.connection, reader.given(None, values), limit)
        found += [_Found(level, document, info, decode(record)) for document, record in rows]
    return found


def _hits(reader: Reader, asked: Asked, questions: Sequence[_Question], found: Sequence[_Found]) -> list[Hit]:
    fields = {question.searched.info.id: question for question in questions}
    hits: dict[tuple[str, UUID], Hit] = {}
    for entity in dict.fromkeys(each.info.id for each in found):
        mine, question = [each for each in found if each.info.id == entity], fields[entity]
        title = question.searched.title if question.searched.title in question.fields else None
        ranks = {each.record: each.level for each in mine}
        hits |= {(entity, hit.id): hit for hit in shown_hits(reader, asked, question.fields, title, ranks)}
    return [hits[each.info.id, each.record] for each in found if (each.info.id, each.record) in hits]
