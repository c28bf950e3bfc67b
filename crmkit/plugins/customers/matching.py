"""How the same company or person is recognised: keys that find candidates, and a score that says why.

The points of a field are set by hand, in the order in which such fields tell people apart: an e-mail address or a tax
number is somebody's own, a telephone is shared in families and offices, a name is shared by strangers. They add up to
at most 100. Two names agree by rapidfuzz's ``token_sort_ratio`` of their folded words, which knows no order of given
and family name; of Chinese names, written without spaces, by their characters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import attrs

from crmkit import Matcher, MatchKey

__all__ = ["LIKELY", "MATCHERS", "Agreement", "Found", "compare", "facts", "name_words", "score"]

#: From how many points on two records are told to be likely the same.
LIKELY = 50
# Below this likeness, in percent, two names say nothing.
_UNLIKE = 70


@attrs.frozen
class Agreement:
    """A field in which two records agree, by how many percent, and the points that it brings."""

    field: str
    likeness: int
    points: int


#: The places of two records, their points of 100, and what brought them.
Found = tuple[int, int, int, tuple[Agreement, ...]]


@attrs.frozen
class _Compared:
    """What is compared, and the points of full agreement."""

    name: str
    points: int
    likeness: Callable[[Mapping[str, Any], Mapping[str, Any]], int]


@lru_cache(maxsize=100_000)
def name_words(name: str) -> tuple[str, ...]:
    """Return the words of *name* in one spelling, sorted: without case, marks and width; Chinese by character."""
    folded = unicodedata.normalize("NFKD", name).casefold()
    plain = "".join(c if c.isalnum() else " " for c in folded if not unicodedata.combining(c))
    words: list[str] = []
    for word in plain.split():
        words += list(word) if any(_is_ideograph(c) for c in word) else [word]
    return tuple(sorted(words))


def _is_ideograph(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff" or "\u3400" <= character <= "\u4dbf"


def _digits(values: Mapping[str, Any]) -> set[str]:
    """Return the last nine digits of each telephone number: what is before them is written in several ways."""
    numbers = ("".join(filter(str.isdigit, values.get(name) or "")) for name in ("phone", "mobile"))
    return {digits[-9:] for digits in numbers if len(digits) >= 6}


def _mail(values: Mapping[str, Any]) -> Iterator[str]:
    if values.get("email"):
        yield str(values["email"]).casefold()


def _tax(values: Mapping[str, Any]) -> Iterator[str]:
    kept = "".join(filter(str.isalnum, values.get("tax_number") or "")).casefold()
    if kept:
        yield kept


def _name(values: Mapping[str, Any]) -> Iterator[str]:
    if words := name_words(values.get("name") or ""):
        yield " ".join(words)


def _name_at_work(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the company with each word of the name, so that one that is misspelt or left out does no harm."""
    if values.get("company_id"):
        for word in {word[:8] for word in name_words(values.get("name") or "") if len(word) > 2 or not word.isascii()}:
            yield f"{values['company_id']} {word}"


def _alike(*keys: Callable[[Mapping[str, Any]], Any]) -> Callable[[Mapping[str, Any], Mapping[str, Any]], int]:
    def likeness(one: Mapping[str, Any], other: Mapping[str, Any]) -> int:
        return 100 if any(set(key(one)) & set(key(other)) for key in keys) else 0

    return likeness


def _names_alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> int:
    from rapidfuzz.fuzz import token_sort_ratio

    mine, theirs = (" ".join(name_words(values.get("name") or "")) for values in (one, other))
    likeness = int(token_sort_ratio(mine, theirs))
    return likeness if mine and theirs and likeness >= _UNLIKE else 0


def _same(field: str) -> Callable[[Mapping[str, Any], Mapping[str, Any]], int]:
    return _alike(lambda values: [str(values[field]).casefold()] if values.get(field) else [])


_COMPARED: Mapping[str, Sequence[_Compared]] = {
    "customers.contact": (
        _Compared("email", 60, _alike(_mail)),
        _Compared("phone", 35, _alike(_digits)),
        _Compared("name", 40, _names_alike),
        _Compared("company_id", 15, _same("company_id")),
        _Compared("postal_code", 10, _same("postal_code")),
        _Compared("city", 5, _same("city")),
    ),
    "customers.company": (
        _Compared("tax_number", 70, _alike(_tax)),
        _Compared("email", 40, _alike(_mail)),
        _Compared("phone", 30, _alike(_digits)),
        _Compared("name", 45, _names_alike),
        _Compared("postal_code", 10, _same("postal_code")),
        _Compared("city", 5, _same("city")),
    ),
}


def compare(entity: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> list[Agreement]:
    """Return in which fields two records of *entity* agree; what one of them does not say counts for nothing."""
    found: list[Agreement] = []
    for compared in _COMPARED[entity]:
        if likeness := compared.likeness(one, other):
            found.append(Agreement(compared.name, likeness, compared.points * likeness // 100))
    return found


def score(agreements: Iterable[Agreement]) -> int:
    """Return the points of all *agreements*, at most 100."""
    return min(100, sum(each.points for each in agreements))


def facts(entity: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what tells a record of *entity* from others, each in one spelling; ``None`` where nothing is said."""
    plain = {
        field: str(values[field]).casefold() if values.get(field) else None
        for field in ("company_id", "postal_code", "city")
    }
    return {
        "name": next(_name(values), None),
        "email": next(_mail(values), None),
        "tax_number": next(_tax(values), None),
        "phone": sorted(_digits(values)) or None,
        **plain,
    }


def _points(entity: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> int:
    return score(compare(entity, one, other))


_COMMON = (
    MatchKey("email", ("email",), _mail, identifies=True),
    MatchKey("name", ("name",), _name),
)
MATCHERS = (
    Matcher(
        "customers.company",
        (*_COMMON, MatchKey("tax", ("tax_number",), _tax, identifies=True), MatchKey("phone", ("phone",), _digits)),
        partial(_points, "customers.company"),
    ),
    Matcher(
        "customers.contact",
        (
            *_COMMON,
            MatchKey("phone", ("phone", "mobile"), _digits, identifies=True),
            MatchKey("work", ("name", "company_id"), _name_at_work),
        ),
        partial(_points, "customers.contact"),
    ),
)
