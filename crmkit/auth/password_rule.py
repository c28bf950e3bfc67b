"""Which passwords are refused: those that are short, and those that are guessed first.

Length is what counts (NIST SP 800-63B, section 5.1.1.2); there is no rule about kinds of characters. What is refused
besides can be told without a list: few different characters, a short part repeated, a run of neighbours on the
keyboard or in the alphabet, and what is known of the person.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from string import punctuation

from crmkit.core.errors import FieldProblem
from crmkit.core.text import casefold, gettext as _

__all__ = ["LONGEST", "normal_password", "problems_of_password"]

#: More is no password, but work for the hash.
LONGEST = 200
_FEWEST_DIFFERENT = 5
_RUNS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm")
_LONGEST_KNOWN = 4


def normal_password(password: str) -> str:
    """Return *password* as it is hashed: the same characters, however a keyboard composes them (RFC 8265)."""
    return unicodedata.normalize("NFC", password)


def problems_of_password(password: str, least: int, known: Iterable[str]) -> Iterator[FieldProblem]:
    """Yield why *password* is refused: it has fewer than *least* characters, or is easily guessed from what is *known*.

    No problem repeats it.
    """
    if len(password) < least:
        yield FieldProblem("password", _("has fewer than {least} characters"), "too-short", least=least)
    elif len(password) > LONGEST:
        yield FieldProblem("password", _("has more than {most} characters"), "too-long", most=LONGEST)
    elif _is_guessed_first(casefold(password), known):
        yield FieldProblem("password", _("is one of those that are guessed first"), "guessable")


def _is_guessed_first(password: str, known: Iterable[str]) -> bool:
    rest = _without_known(password, known)
    different = {char for char in rest if char not in punctuation and not char.isspace()}
    return len(different) < _FEWEST_DIFFERENT or _is_repeated(rest) or _in_runs(rest) * 2 > len(rest)


def _without_known(password: str, known: Iterable[str]) -> str:
    """Return *password* without the words that whoever knows the person tries first."""
    words = {word for text in known for word in casefold(text).replace("@", " ").replace(".", " ").split()}
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= _LONGEST_KNOWN:
            password = password.replace(word, "")
    return password


def _is_repeated(password: str) -> bool:
    return (password * 2).find(password, 1) < len(password)


def _in_runs(password: str) -> int:
    """Return how many characters belong to a run of four or more neighbours, in either direction."""
    marked = set[int]()
    for start in range(len(password) - 3):
        part = password[start : start + 4]
        if any(part in run or part[::-1] in run for run in _RUNS):
            marked |= set(range(start, start + 4))
    return len(marked)
