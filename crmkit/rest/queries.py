"""The query of a list: rules and conditions, an order, a page, and what is shown."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import lru_cache, reduce
from operator import and_

import attrs

from crmkit.core.entity import EntityInfo
from crmkit.core.policy.rule_sources import FieldScope
from crmkit.core.reading.reader import Reader
from crmkit.core.representing.records import check_shown
from crmkit.core.rules.rule import Rule
from crmkit.core.text import gettext as _
from crmkit.rest.conditions import condition, truth_in
from crmkit.rest.errors import QueryError

__all__ = ["EVERYTHING", "MOST", "ListQuery", "Shown", "limit_in", "names_in", "sorted_out"]

#: How many records one page has at most, and how many unless the query says so.
MOST = 200
_USUAL = 50
_parse = lru_cache(maxsize=1024)(Rule.parse)


@attrs.frozen
class Shown:
    """What is shown of each record: all fields or some, and the records behind relations."""

    fields: tuple[str, ...] | None = None
    expand: tuple[str, ...] = ()

    @classmethod
    def of(cls, arguments: Iterable[tuple[str, str]]) -> Shown:
        """Return what *arguments*, of which no others are known, ask for.

        Raises:
            QueryError: there is another parameter.
        """
        given = dict.fromkeys(("fields", "expand"), "")
        found = set[str]()
        for name, value in arguments:
            if name not in given:
                raise QueryError(name[:80], _("there is no such parameter"))
            given[name] += f",{value}"
            found.add(name)
        return cls(names_in(given["fields"]) if "fields" in found else None, names_in(given["expand"]))

    def check(self, db: Reader, info: EntityInfo, *, credentials: bool = False) -> None:
        """Return if all that is to be shown of *info* is there, whether a record is found or not.

        Raises:
            UnknownFieldError: a field or a relation does not exist, or is hidden.
            CredentialError: a field proves who somebody is, and *credentials* are not to be shown.
        """
        if self != EVERYTHING:
            check_shown(db, info, fields=self.fields, expand=self.expand, credentials=credentials)


EVERYTHING = Shown()


@attrs.frozen
class ListQuery:
    """Which records a list has, in which order, which page of it, and what is shown."""

    where: Rule | None
    order_by: str | None
    limit: int
    cursor: str | None
    shown: Shown
    count: bool
    deleted: bool

    @classmethod
    def of(cls, db: Reader, info: EntityInfo, arguments: Iterable[tuple[str, str]]) -> ListQuery:
        """Return what *arguments* ask of the records of *info*.

        Raises:
            QueryError: a parameter is given twice, or its value is not accepted.
            RuleError: the filter is no rule.
            UnknownFieldError: a parameter names no field, or a hidden one.
        """
        shown = list[tuple[str, str]]()
        others = list[tuple[str, str]]()
        for argument in arguments:
            (shown if argument[0] in _SHOWN else others).append(argument)
        known, where = sorted_out(db, info, others, _PARAMETERS)
        asked = Shown.of(shown)
        asked.check(db, info)
        return cls(
            where=where,
            order_by=known.get("order_by"),
            limit=limit_in(known.get("limit")),
            cursor=known.get("cursor"),
            shown=asked,
            count=truth_in("count", known.get("count", "false")),
            deleted=truth_in("deleted", known.get("deleted", "false")),
        )


_SHOWN = ("fields", "expand")
_PARAMETERS = ("order_by", "limit", "cursor", "count", "deleted")


def sorted_out(
    db: Reader, info: EntityInfo, arguments: Iterable[tuple[str, str]], parameters: Collection[str]
) -> tuple[dict[str, str], Rule | None]:
    """Return the values of *parameters* that are given, and the rule that all other *arguments* add up to.

    Those are ``filter``, a rule, and conditions on the fields of *info* in the simple form.

    Raises:
        QueryError: a parameter is given twice, or the value of a condition is not accepted.
        RuleError: the filter is no rule.
        UnknownFieldError: an argument names no field, or a hidden one.
    """
    known: dict[str, str] = {}
    rules = list[Rule]()
    for name, value in arguments:
        if name not in parameters and name != _FILTER:
            rules.append(condition(FieldScope(db.model.registry, info, db.access), name, value))
        elif name in known:
            raise QueryError(name, _("is given twice"))
        else:
            known[name] = value
    if text := known.pop(_FILTER, None):
        rules.insert(0, _parse(text))
    return known, reduce(and_, rules) if rules else None


_FILTER = "filter"


def names_in(text: str) -> tuple[str, ...]:
    """Return the names that *text* has between commas, each once."""
    return tuple(dict.fromkeys(name for part in text.split(",") if (name := part.strip())))


def limit_in(text: str | None, *, usual: int = _USUAL) -> int:
    """Return how many records *text* asks for, or how many are *usual*.

    Raises:
        QueryError: it is no number that a page may have.
    """
    if text is None:
        return usual
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 0 < int(text) <= MOST:
        raise QueryError("limit", _("a whole number from 1 to {most}"), most=MOST)
    return int(text)
