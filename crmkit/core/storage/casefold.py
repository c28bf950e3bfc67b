"""``crm_fold`` for PostgreSQL: a function that folds case as Python does, made from Python's own tables.

PostgreSQL's ``lower`` follows the locale of the database, and its ``casefold`` came with version 18 and another version
of Unicode. SQLite calls Python itself.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

__all__ = ["casefold_function_ddl", "casefold_unicode_version"]

# translate() looks through all its characters for each character of the text; replace() reads the text once for each.
_MOST_TRANSLATED, _MOST_REPLACED = 80, 20
_SURROGATES = range(0xD800, 0xE000)


def casefold_unicode_version() -> str:
    """Return the version of Unicode that the function made here follows, such as ``14.0.0``.

    The function carries it as its comment. Where another version of Python made the function, newer letters may
    fold differently in the database than in memory: make it anew, and the indexes on ``crm_fold`` after it.
    """
    return unicodedata.unidata_version


def casefold_function_ddl() -> str:
    """Return ``CREATE OR REPLACE FUNCTION crm_fold(text)``: in PostgreSQL what :meth:`str.casefold` is in Python.

    Folding a folded text changes nothing, so that letters can be folded one group after the other. Most texts need
    none: only groups that occur are folded.
    """
    folds = dict(_folds())
    single = [char for char, folded in folds.items() if len(folded) == 1]
    several = [char for char, folded in folds.items() if len(folded) > 1]
    steps = [*map(_translate, _chunks(single, _MOST_TRANSLATED)), *map(_replace, _chunks(several, _MOST_REPLACED))]
    return f"""
CREATE OR REPLACE FUNCTION crm_fold(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $crm$
DECLARE
  -- Under this collation lower() changes A to Z and nothing else.
  folded text := lower(value COLLATE "C");
BEGIN
  IF octet_length(value) = length(value) OR NOT ({_occurs(folds)}) THEN
    RETURN folded;
  END IF;
{"".join(steps)}  RETURN folded;
END
$crm$;
COMMENT ON FUNCTION crm_fold(text) IS 'Unicode {casefold_unicode_version()}';
"""


def _folds() -> Iterator[tuple[str, str]]:
    """Yield each character beyond ASCII that folding changes, and what it becomes."""
    for code in range(0x80, sys.maxunicode + 1):
        char = chr(code)
        if code not in _SURROGATES and char.casefold() != char:
            yield char, char.casefold()


def _chunks(chars: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    """Yield *chars* in groups of neighbours, whole pages of Unicode: an alphabet is rarely mixed with another."""
    chunk: list[str] = []
    for _page, page in groupby(chars, lambda char: ord(char) >> 8):
        more = list(page)
        if chunk and len(chunk) + len(more) > most:
            yield chunk
            chunk = []
        chunk += more
    yield chunk


def _translate(chars: Sequence[str]) -> str:
    source, target = _quoted("".join(chars)), _quoted("".join(char.casefold() for char in chars))
    return _where_they_occur(chars, f"folded := translate(folded, {source}, {target});")


def _replace(chars: Sequence[str]) -> str:
    expression = "folded"
    for char in chars:
        expression = f"replace({expression}, {_quoted(char)}, {_quoted(char.casefold())})"
    return _where_they_occur(chars, f"folded := {expression};")


def _where_they_occur(chars: Iterable[str], statement: str) -> str:
    return f"  IF {_occurs(chars)} THEN\n    {statement}\n  END IF;\n"


def _occurs(chars: Iterable[str]) -> str:
    """Return the test whether ``folded`` has one of *chars*, which are sorted."""
    ranges: list[tuple[int, int]] = []
    for code in map(ord, chars):
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1] = (ranges[-1][0], code)
        else:
            ranges.append((code, code))
    spans = "".join(
        _in_pattern(low) if low == high else f"{_in_pattern(low)}-{_in_pattern(high)}" for low, high in ranges
    )
    return f"folded COLLATE \"C\" ~ '[{spans}]'"


def _in_pattern(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _quoted(text: str) -> str:
    """Return *text* as an SQL literal in ASCII."""
    return "U&'" + "".join(char if char.isascii() else _in_literal(ord(char)) for char in text) + "'"


def _in_literal(code: int) -> str:
    return f"\\{code:04x}" if code < 0x10000 else f"\\+{code:06x}"
