"""Searching: what is found of what a principal sees, the best first.

What comes first is decided by the record alone: whether its title is what was asked, begins with it, has it, or whether
other fields have it; then the newest. Statistics of all records, as databases offer them for ranking, would tell what
hidden ones hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
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
from crmkit.core.searching.statements import candidates, place_of, walks
from crmkit.core.storage.codecs import id_decoder
from crmkit.core.storage.prepared import Prepared

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader

__all__ = ["search"]

# More than so many that have a word are not all asked for: the newest visible ones are looked for instead.
_RARE = 500
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
    for question, rows in zip(questions, _candidates(reader, questions), strict=True):
        if len(rows) > _RARE:
            found += _walked(reader, question, begin, limit)
        else:
            found += _seen(reader, question, begin, rows)
    return found


def _candidates(reader: Reader, questions: Sequence[_Question]) -> list[list[tuple[Any, ...]]]:
    """Return for each question up to a few hundred rows of what is found, whoever may see it."""
    model, dialect = reader.model, reader.model.storage.dialect
    entities = tuple(question.searched.info.id for question in questions)
    levels = tuple(len(question.levels.levels) for question in questions)
    values: dict[str, Any] = {}
    for place, question in enumerate(questions):
        values[f"match_{place}"] = question.levels.match(dialect.name, ANYWHERE)
        values[f"levels_{place}"] = question.levels.plain
        for better in range(levels[place] - 1):
            values[f"match_{place}_{better}"] = question.levels.match(dialect.name, better)

    def make() -> Prepared:
        is_sqlite = model.storage.is_sqlite
        statement = candidates(model.schema, entities, levels, _RARE + 1, is_sqlite=is_sqlite)
        return Prepared(statement, dialect, planned_once=True)

    prepared = model.statements.get(("search_candidates", entities, levels), make)
    found: list[list[tuple[Any, ...]]] = [[] for _question in questions]
    for row in prepared.rows(reader.connection, values):
        found[row[0]].append(row)
    return found


def _seen(reader: Reader, question: _Question, begin: tuple[int, int], rows: Sequence[tuple[Any, ...]]) -> list[_Found]:
    """Return those of *rows* behind *begin* that the principal sees."""
    info, decode, first = question.searched.info, id_decoder(reader.model.storage.dialect.name), question.levels.first
    made = [_Found(first + level, document, info, decode(record)) for _place, document, record, level in rows]
    wanted = [each for each in made if each.order > begin]
    visible = reader.allowed_ids(info, "read", [each.record for each in wanted])
    return [each for each in wanted if each.record in visible]


def _walked(reader: Reader, question: _Question, begin: tuple[int, int], limit: int) -> list[_Found]:
    """Return the first *limit* visible ones behind *begin*, level by level, newest first."""
    info, levels, found = question.searched.info, question.levels, list[_Found]()
    dialect, decode = reader.model.storage.dialect, id_decoder(reader.model.storage.dialect.name)

    def make() -> Race:
        ways = walks(reader.named_visibility, info, limit, is_sqlite=reader.model.storage.is_sqlite)
        return Race(ways, dialect, by_value=True)

    race = reader.kept(("search", info.id, limit), make)
    for level in range(max(levels.first, begin[0]), ANYWHERE + 1):
        values = {
            "match": levels.match(dialect.name, level, but_better=True),
            "levels": levels.plain,
            "level": level - levels.first,
            "before": -begin[1] if level == begin[0] else _NEWEST,
        }
        rows = race.rows(reader.connection, reader.given(None, values), limit)
        found += [_Found(level, document, info, decode(record)) for document, record in rows]
        if len(found) >= limit:
            break
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
