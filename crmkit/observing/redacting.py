"""What may not stand in a log: secrets, tokens, addresses and numbers of people, and what is declared personal.

Names decide where there are names: a value called ``password``, or like a field that holds personal data, is left out
whatever it is. In running text patterns decide. What an error quotes is left out too, because it often is what somebody
typed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from traceback import TracebackException
from typing import Any

from crmkit.core.entity import Record
from crmkit.core.errors import CrmkitError
from crmkit.core.registry import Registry
from crmkit.core.text import translate
from crmkit.observing.driver_errors import told_of_driver

__all__ = ["REDACTED", "Redactor", "personal_names"]

REDACTED = "[redacted]"
_SECRET_WORDS = (
    r"(?:pass(?:word|wd|phrase|code)?|secret|token|api[-_]?key|private[-_]?key|authorization|cookie|csrf|otp|totp|pin"
    r"|signature|credential|code[-_]verifier|recovery[-_]code)s?"
)
_SECRET_NAME = re.compile(rf"(?:^|[-_.])(?:{_SECRET_WORDS})(?:$|[-_.])", re.IGNORECASE)
_PATTERNS: Sequence[tuple[re.Pattern[str], str]] = (
    (re.compile(r"(\w[\w+.-]*://[^\s:/@]*):[^\s/@]+@"), rf"\1:{REDACTED}@"),
    (re.compile(r"\b(bearer|basic|digest)\s+[\w+/=~.-]{6,}", re.IGNORECASE), rf"\1 {REDACTED}"),
    (
        re.compile(
            rf"\b((?:\w+[-_])?{_SECRET_WORDS}[\"']?\s*[=:]\s*)(?:\"[^\"]*\"|'[^']*'|(?!\[redacted)[^\s,;&)}}\]]+)",
            re.IGNORECASE,
        ),
        rf"\1{REDACTED}",
    ),
    # Tokens of crmkit, secrets of Standard Webhooks, and JSON Web Tokens.
    (re.compile(r"\b(?:crm\w{0,8}_|whsec_)[\w+/=-]{16,}|\beyJ[\w-]{5,}\.[\w-]{8,}\.[\w-]*"), REDACTED),
    (re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(?:\.[\w-]+)*", re.UNICODE), "[e-mail]"),
    (re.compile(r"(?<![\w.])\+\d[\d ()./-]{6,}\d"), "[phone]"),
)
# What none of the patterns can do without; most texts have nothing of it.
_SUSPECT = re.compile(r"[@=:+]|bearer|basic|digest|crm\w{0,8}_|whsec_|eyJ", re.IGNORECASE)
_QUOTED = re.compile(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"")
# What SQLAlchemy and PostgreSQL add to an error: the statement, its parameters, the values of a key.
_STATEMENT = re.compile(r"\n?\[SQL:.*\Z|\n?DETAIL:.*?(?=\n|\Z)", re.DOTALL)
_LONGEST = 2_000
# Facts of crmkit's errors that name what is declared, or what whoever runs it has to mend; others may hold values.
_HARMLESS = frozenset("door entity extra field module package plugin reason verb what where".split())


def personal_names(registry: Registry) -> frozenset[str]:
    """Return the names of all fields that hold personal data, in whatever entity or extension."""
    entities = (*registry.entities.values(), *(e for each in registry.extensions.values() for e in each.values()))
    return frozenset(name for info in entities for name, field in info.fields.items() if field.personal)


class _Left:
    """Stands in a sentence for what is left out of it."""

    def __format__(self, _spec: str) -> str:
        return "…"

    __str__ = __repr__ = lambda self: "…"


class _Facts(dict[str, Any]):
    def __missing__(self, _name: str) -> _Left:
        return _Left()


class Redactor:
    """Leaves out of logs what may not stand there."""

    def __init__(self, personal: Collection[str] = ()) -> None:
        """Take *personal* for the names of personal data."""
        self._personal = frozenset(personal)
        # There are as many as are written in code; somebody may make one of each value, though.
        self._is_secret = lru_cache(1024)(self._forbids)

    def facts(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Return *facts* by name, without what the names or the values forbid."""
        return {name: self._named(str(name), value) for name, value in facts.items()}

    def _named(self, name: str, value: Any) -> Any:
        return REDACTED if value is not None and self._is_secret(name) else self.value(value)

    def _forbids(self, name: str) -> bool:
        return name.rpartition(".")[2] in self._personal or _SECRET_NAME.search(name) is not None

    def value(self, value: Any) -> Any:
        """Return *value* as a log may have it: records by their ids, errors by their code, text without secrets."""
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return self.text(value)
            case Record():
                return f"{type(value).__name__} {value.id}"
            case BaseException():
                return self.error(value)
            case Mapping():
                return self.facts(value)
            case list() | tuple() | set() | frozenset():
                return [self.value(each) for each in value]
        return self.text(str(value))

    def text(self, text: str) -> str:
        """Return *text* without what looks like a secret, an e-mail address or a telephone number."""
        if _SUSPECT.search(text):
            for pattern, instead in _PATTERNS:
                text = pattern.sub(instead, text)
        return text

    def error(self, error: BaseException) -> str:
        """Return the class of *error* and what it says, without what it says of values."""
        if isinstance(error, CrmkitError):
            facts = {name: self.value(fact) for name, fact in error.facts.items() if name in _HARMLESS}
            sentence = translate(type(error).template, "en").format_map(_Facts(facts))
            return f"{type(error).__name__} ({error.code}): {sentence}"
        if (told := told_of_driver(error)) is not None:
            return self.text(told)
        said = _QUOTED.sub("'…'", _STATEMENT.sub("", str(error)))
        return f"{type(error).__name__}: {self.text(said[:_LONGEST])}".rstrip(": ")

    def traceback(self, error: BaseException) -> str:
        """Return where *error* came from, and what caused it, the cause first."""
        told, seen = list[str](), set[int]()
        at: BaseException | None = error
        while at is not None and id(at) not in seen:
            seen.add(id(at))
            stack = TracebackException(type(at), at, at.__traceback__, lookup_lines=True).stack
            told.append("".join(["Traceback (most recent call last):\n", *stack.format(), self.error(at)]))
            at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)
        return "\n\n".join(reversed(told))
