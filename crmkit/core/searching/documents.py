"""What is kept of a record: its words, each under the code of the field that has it.

A principal is answered by the words of the fields that it may read, and by no others: a word in a hidden field is a
word of another name. The first words of the title are kept once more, so that what begins as was asked comes first.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import attrs

from crmkit.core.entity import EntityInfo, FieldInfo, is_custom
from crmkit.core.fields import Text
from crmkit.core.registry import Registry
from crmkit.core.searching.words import FORMAT, split_words

__all__ = ["Searched", "SearchedField", "entire", "searched_entities", "stored_form"]

# Of one field, and of one record: PostgreSQL counts places up to 16383.
_MOST_OF_FIELD, _MOST = 4_000, 16_000
_TITLES = ("name", "title", "subject")


@attrs.frozen
class SearchedField:
    """A field that is searched, under its whole name; *code* is what its words begin with."""

    name: str
    field: FieldInfo
    code: str

    @property
    def plugin(self) -> str | None:
        """The plugin that extends the entity by it, ``None`` if the entity itself has it."""
        plugin, dot, _key = self.name.partition(".")
        return plugin if dot and not is_custom(self.name) else None

    @property
    def word(self) -> str:
        """What a word of it begins with."""
        return f"{self.code}w"

    @property
    def beginning(self) -> str:
        """What its first word begins with, kept once more of a title."""
        return f"{self.code}b"

    @property
    def entire(self) -> str:
        """What begins the word that stands for all of a title."""
        return f"{self.code}e"


@attrs.frozen
class Searched:
    """The fields of one entity that are searched; *title* is the one by which people call its records."""

    info: EntityInfo
    fields: tuple[SearchedField, ...]
    title: SearchedField

    @property
    def names(self) -> frozenset[str]:
        """The names of the fields."""
        return frozenset(field.name for field in self.fields)

    @property
    def state(self) -> dict[str, Any]:
        """What decides the words of a record: what was made of another state is made again."""
        return {"format": FORMAT, "title": self.title.code, "fields": sorted(field.code for field in self.fields)}

    def words(self, value_of: Callable[[SearchedField], Any]) -> str:
        """Return the words of a record as they are kept, one behind the other, by the values of its fields."""
        found: list[str] = []
        for searched in self.fields:
            value = value_of(searched)
            if value:
                found += self._words_of(searched, value)
        return " ".join(found[:_MOST])

    def _words_of(self, searched: SearchedField, value: str) -> Iterator[str]:
        words, prefix = split_words(value)[:_MOST_OF_FIELD], searched.word
        yield from [prefix + word for word in words]
        if searched is self.title and words:
            yield searched.beginning + words[0]
            yield searched.entire + entire(words)


def entire(words: list[str]) -> str:
    """Return the one word that stands for all *words* in this order."""
    return hashlib.blake2b("\0".join(words).encode(), digest_size=8).hexdigest()


def searched_entities(registry: Registry) -> Mapping[str, Searched]:
    """Return what is searched of each entity that has a field to be searched, by id."""
    found = (_searched(registry, info) for info in registry.entities.values())
    return MappingProxyType({each.info.id: each for each in found if each is not None})


def _searched(registry: Registry, info: EntityInfo) -> Searched | None:
    by_code: dict[str, SearchedField] = {}
    for name, field in registry.fields(info.id).items():
        if field.search and isinstance(field.type, Text) and not field.encrypted:
            code = _code(info.id, name, field)
            # Should two ever have one code, the later is not searched rather than found by who may not read it.
            by_code.setdefault(code, SearchedField(name, field, code))
    if not by_code:
        return None
    fields, by_name = tuple(by_code.values()), {field.name: field for field in by_code.values()}
    return Searched(info, fields, next((by_name[name] for name in _TITLES if name in by_name), fields[0]))


def _code(entity: str, name: str, field: FieldInfo) -> str:
    # Of what was made at run time the slot: a field of the same key may have been there before.
    kept_as = name if field.slot is None else field.ledger_name
    digest = hashlib.blake2b(f"{entity}\0{kept_as}".encode(), digest_size=5).digest()
    return base64.b32encode(digest).decode().lower()


def stored_form(words: str, dialect: str) -> str:
    """Return *words* as the database takes them: PostgreSQL wants to be told the place of each."""
    if dialect == "sqlite":
        return words
    return " ".join([f"'{word}':{place}" for place, word in enumerate(words.split(" "), 1)]) if words else ""
