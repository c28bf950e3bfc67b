"""What somebody asks for, as each database is asked for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from crmkit.core.errors import CrmkitError
from crmkit.core.searching.documents import SearchedField, entire
from crmkit.core.searching.words import split_words
from crmkit.core.text import gettext as _

__all__ = ["ANYWHERE", "Asked", "Levels", "SearchTextError", "Term"]

_MOST_TERMS, _LONGEST = 16, 500
# A part of a word so short begins half of all words.
_SHORTEST_PART = 2
_BETWEEN = re.compile(r"[\s,;|/、，；。]+")
#: The last of the levels: all that is asked for stands somewhere in the fields.
ANYWHERE = 3


class SearchTextError(CrmkitError):
    """What is searched for is no text, or too much of it."""

    code = "search-text"
    template = _("Search for up to {words} words, {characters} characters at most.")

    def __init__(self) -> None:
        """Say how much is accepted."""
        super().__init__(words=_MOST_TERMS, characters=_LONGEST)


@attrs.frozen
class Term:
    """Words that stand behind each other; of the last one only the beginning is given if it *is_open*."""

    words: tuple[str, ...]
    is_open: bool

    def matches(self, words: Sequence[str], place: int) -> bool:
        """Return whether the term stands in *words* from *place* on."""
        there = words[place : place + len(self.words)]
        if not self.is_open or len(there) < len(self.words):
            return tuple(there) == self.words
        return tuple(there[:-1]) == self.words[:-1] and there[-1].startswith(self.words[-1])


@attrs.frozen
class _Phrase:
    """A term in a field, as words of a document."""

    words: tuple[str, ...]
    is_open: bool = False

    def sqlite(self) -> str:
        return f'"{" ".join(self.words)}"{"*" if self.is_open else ""}'

    def postgresql(self) -> str:
        quoted = [f"'{word}'" for word in self.words]
        return f"({' <-> '.join(quoted)}{':*' if self.is_open else ''})"

    def plain(self) -> str:
        return f" {' '.join(self.words)}{'' if self.is_open else ' '}"


Level = tuple[tuple[_Phrase, ...], ...]


@attrs.frozen
class Levels:
    """What is to be found in one entity, the best first: each level is all of several, each of them one of several."""

    levels: tuple[Level, ...]
    #: The number of the first one: without a title that may be read, there is but the last.
    first: int

    @property
    def plain(self) -> str:
        """All levels as :func:`crmkit.core.storage.search_index.search_level` takes them."""
        return "\n".join("&".join("|".join(p.plain() for p in one_of) for one_of in level) for level in self.levels)

    def match(self, dialect: str, level: int, *, but_better: bool = False) -> str:
        """Return the query for *level*; with *but_better* without what reaches a better one."""
        place = level - self.first
        wanted = _rendered(self.levels[place], dialect)
        if place == 0 or not but_better:
            return wanted
        better = _rendered(self.levels[place - 1], dialect)
        return f"({wanted}) NOT ({better})" if dialect == "sqlite" else f"({wanted}) & !({better})"


def _rendered(level: Level, dialect: str) -> str:
    one, both = (" OR ", " AND ") if dialect == "sqlite" else (" | ", " & ")
    parts = (one.join(p.sqlite() if dialect == "sqlite" else p.postgresql() for p in one_of) for one_of in level)
    return both.join(f"({part})" for part in parts)


@attrs.frozen
class Asked:
    """The terms of a text that somebody searches for. All of them must be found, in whatever order and fields."""

    terms: tuple[Term, ...]

    @classmethod
    def parse(cls, text: Any) -> Asked:
        """Return what *text* asks for; without a letter or a digit in it, nothing.

        Raises:
            SearchTextError: it is no text, or too long.
        """
        if not isinstance(text, str) or len(text) > _LONGEST:
            raise SearchTextError
        pieces = [tuple(words) for piece in _BETWEEN.split(text) if (words := split_words(piece))]
        if len(pieces) > _MOST_TERMS:
            raise SearchTextError
        terms = [Term(words, False) for words in pieces[:-1]]
        return cls((*terms, *(Term(words, len(words[-1]) >= _SHORTEST_PART) for words in pieces[-1:])))

    def levels(self, fields: Sequence[SearchedField], title: SearchedField | None) -> Levels:
        """Return what is to be found in *fields*; *title* is one of them, if it may be read."""
        anywhere = tuple(tuple(_phrase(term, field.word) for field in fields) for term in self.terms)
        if title is None:
            return Levels((anywhere,), ANYWHERE)
        return Levels((*self._in_title(title), anywhere), 0)

    def _in_title(self, title: SearchedField) -> Iterator[Level]:
        words = [word for term in self.terms for word in term.words]
        yield ((_Phrase((title.entire + entire(words),)),),)
        within: Level = tuple((_phrase(term, title.word),) for term in self.terms)
        is_one = len(words) == 1
        begins = (_Phrase((title.beginning + words[0],), self.terms[0].is_open and is_one),)
        # What begins with the only word has it: SQLite would go through all that have it, to find that out.
        yield (begins,) if is_one else (begins, *within)
        yield within


def _phrase(term: Term, prefix: str) -> _Phrase:
    return _Phrase(tuple([prefix + word for word in term.words]), term.is_open)
