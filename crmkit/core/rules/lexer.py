"""From text to tokens, in time proportional to the length of the text."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from crmkit.core.rules.errors import Position, RuleError
from crmkit.core.text import Text, gettext as _

__all__ = ["MAX_LENGTH", "Token", "tokenize"]

MAX_LENGTH = 10_000
_MAX_DIGITS = 40

# Alternatives never overlap and repetitions are possessive: no text makes this backtrack.
_TOKEN = re.compile(
    r"""
    (?P<space> [ \t\n\r\f]++ )
  | (?P<text>  (?P<prefix>[rRbB]{0,2}) (?P<quoted>
        \"{3} (?: [^"\\] | \\. | "(?!"") )*+ \"{3}
      | '{3} (?: [^'\\] | \\. | '(?!'') )*+ '{3}
      | " (?: [^"\\\n\r] | \\[^\n\r] )*+ "
      | ' (?: [^'\\\n\r] | \\[^\n\r] )*+ ' ) )
  | (?P<name>  [A-Za-z_][A-Za-z0-9_]*+ )
  | (?P<number> (?: [0-9]++ (?: \.[0-9]++ )? | \.[0-9]++ ) (?: [eE][+-]?[0-9]++ )? )
  | (?P<sign>  && | \|\| | == | != | <= | >= | [-+*!<>?:.,()\[\]] )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(
    r"""\\(?: (?P<one>[abfnrtv"'\\?`]) | [xX](?P<x>[0-9a-fA-F]{2}) | u(?P<u>[0-9a-fA-F]{4})
          | U(?P<U>[0-9a-fA-F]{8}) | (?P<o>[0-3][0-7]{2}) | (?P<bad>.) )""",
    re.VERBOSE | re.DOTALL,
)
_ONE = dict(zip("abfnrtv\"'\\?`", "\a\b\f\n\r\t\v\"'\\?`", strict=True))
_INSTEAD: dict[str, Text] = {
    "=": _("Equality is written ==."),
    "&": _("And is written &&."),
    "|": _("Or is written ||."),
    "/": _("Rules have no division and no comments."),
    "%": _("Rules have no remainder."),
    "{": _("Rules have no maps."),
    '"': _("The text has no closing quote on its line."),
    "'": _("The text has no closing quote on its line."),
}
_NAMES_ARE = _("Names are a-z, 0-9 and _; other characters belong inside quotes.")


class Token(NamedTuple):
    """One word of a rule. *kind* is ``text``, ``name``, ``number``, ``end``, or the sign itself."""

    kind: str
    value: object
    at: Position


class _Places:
    """Where an offset is."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(m.end() for m in re.finditer(r"\r\n|\r|\n", text))]

    def __call__(self, offset: int) -> Position:
        line = bisect_right(self._starts, offset)
        return Position(line, offset - self._starts[line - 1] + 1)


def tokenize(text: str) -> Iterator[Token]:
    """Yield the tokens of *text*, the last of kind ``end``: whoever stops reading gets the first error, not the last.

    Raises:
        RuleError: the text is too long, or has characters or spellings that rules do not know.
    """
    if len(text) > MAX_LENGTH:
        raise RuleError(
            _("it has {length} characters."), None, _("Accepted: {limit}."), length=len(text), limit=MAX_LENGTH
        )
    place, offset = _Places(text), 0
    while offset < len(text):
        found = _TOKEN.match(text, offset)
        if found is None:
            char = text[offset]
            raise RuleError(_("unexpected {char!r}."), place(offset), _INSTEAD.get(char, _NAMES_ARE), char=char)
        if found.lastgroup != "space":
            yield _token(found, place)
        offset = found.end()
    yield Token("end", "", place(len(text)))


def _token(found: re.Match[str], place: _Places) -> Token:
    at, word = place(found.start()), found.group()
    match found.lastgroup:
        case "text":
            return Token("text", _unquote(found, place), at)
        case "number":
            return Token("number", _number(found, at), at)
        case "name":
            return Token("name", word, at)
    return Token(word, word, at)


def _number(found: re.Match[str], at: Position) -> int | Decimal:
    word, after = found.group(), found.string[found.end() : found.end() + 1]
    if after and (after.isalnum() or after == "_"):
        raise RuleError(
            _("{word!r} is no number."), at, _("Accepted: digits such as 12 or 12.50."), word=word[:40] + after
        )
    too_long = RuleError(_("the number is too long."), at, _("Accepted: {limit} digits."), limit=_MAX_DIGITS)
    if len(word) > _MAX_DIGITS:
        raise too_long
    if word.isdecimal():
        return int(word)
    try:
        number = Decimal(word)
    except InvalidOperation:
        raise too_long from None
    if abs(number.adjusted()) > _MAX_DIGITS:
        raise too_long
    return number


def _unquote(found: re.Match[str], place: _Places) -> str:
    prefix, quoted = found["prefix"].lower(), found["quoted"]
    width = 3 if quoted[:3] in ('"""', "'''") else 1
    body, start = quoted[width:-width], found.end() - len(quoted) + width
    if "b" in prefix or prefix == "rr":
        raise RuleError(
            _("bytes are not part of rules."), place(found.start()), _("Write text without {prefix}."), prefix=prefix
        )
    text = body if prefix else _ESCAPE.sub(lambda m: _unescape(m, start, place), body)
    for char in text:
        if char == "\0" or "\ud800" <= char <= "\udfff":
            raise RuleError(_("text cannot contain {char!r}."), place(found.start()), char=char)
    return text


def _unescape(found: re.Match[str], start: int, place: _Places) -> str:
    if found["one"]:
        return _ONE[found["one"]]
    octal = found["o"]
    code = int(octal, 8) if octal else int(found["x"] or found["u"] or found["U"] or "110000", 16)
    if code > 0x10FFFF:
        raise RuleError(
            _("{escape!r} is no escape."),
            place(start + found.start()),
            _('Accepted: \\n, \\t, \\", \\\\, \\x41, \\u00e4, \\U0001f600; a plain backslash is \\\\.'),
            escape=found.group(),
        )
    return chr(code)
