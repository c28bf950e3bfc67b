"""Which passwords are refused: those that are short, and those that are guessed first.

Length is what counts (NIST SP 800-63B, section 5.1.1.2); there is no rule about kinds of characters. How many guesses
somebody needs who knows what people choose (words, names, dates, runs on the keyboard, repetitions, and the thirty
thousand most common passwords) is estimated by zxcvbn (Wheeler, USENIX Security 2016), without what is known of the
person.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

from crmkit.auth.extra import needs_auth
from crmkit.core.errors import FieldProblem
from crmkit.core.text import casefold, gettext as _

__all__ = ["LONGEST", "normal_password", "problems_of_password"]

#: More is no password, but work for the hash.
LONGEST = 200
# How many characters are looked at: two hundred can take four seconds.
_LOOKED_AT = 64
# A score of 3 is a hundred million guesses: months, where each takes a tenth of a second.
_LEAST_SCORE = 3
_SHORTEST_KNOWN = 4


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
    with needs_auth(_("Setting a password")):
        from zxcvbn import zxcvbn
    rest = _without_known(password, known)
    return _is_repeated(rest) or bool(zxcvbn(rest[:_LOOKED_AT])["score"] < _LEAST_SCORE)


def _is_repeated(password: str) -> bool:
    """Whether a part is all that there is; zxcvbn takes some of these for more ("yyxbyyxbyyxb")."""
    return (password * 2).find(password, 1) < len(password)


def _without_known(password: str, known: Iterable[str]) -> str:
    """Return *password* without the words that whoever knows the person tries first."""
    words = {word for text in known for word in casefold(text).replace("@", " ").replace(".", " ").split()}
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= _SHORTEST_KNOWN:
            password = password.replace(word, "")
    return password
