"""The words of a text, one way for what is kept and for what is asked, whatever the database.

A word is a run of letters and digits without case and accents. Scripts that put no space between words, such as
Chinese, give each character as a word: what was asked as one piece is then found as a phrase.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import attrs

from crmkit.core.text import casefold

__all__ = ["FORMAT", "Word", "placed_words", "split_words"]

#: Raised whenever the same text gives other words than before: what is kept is then made again.
FORMAT = 1
_LONGEST = 64

# Thai, Lao, Burmese, Khmer; CJK radicals, signs, kana, bopomofo, ideographs; Hangul; half-width kana; rarer ideographs.
_APART = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
    "\u2e80-\u2fdf\u3005-\u3007\u3041-\u3096\u3099-\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u312f\u31a0-\u31bf"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\ua960-\ua97f\uac00-\ud7af"
    "\uff66-\uff9f"
    "\U00020000-\U0003ffff"
)
_ACCENTS = "\u0300-\u036f"
_WORD = re.compile(f"[{_APART}]|(?:[^\\W_{_APART}][{_ACCENTS}]*)+")
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_DROPPED = re.compile(f"[{_ACCENTS}\x00-\x2f\x3a-\x60\x7b-\x7f]")


@attrs.frozen
class Word:
    """A *word* of a text, and from where to where it stands there, in characters."""

    word: str
    start: int
    end: int


def split_words(text: str) -> list[str]:
    """Return the words of *text* in order."""
    if text.isascii():
        found: list[str] = _ASCII_WORD.findall(text.lower())
        return found if len(text) <= _LONGEST else [word[:_LONGEST] for word in found]
    return [word for match in _WORD.findall(text) if (word := _folded(match))]


def placed_words(text: str) -> Iterator[Word]:
    """Yield the words of *text* that :func:`split_words` returns, with their places."""
    for match in _WORD.finditer(text):
        if word := _folded(match.group()):
            yield Word(word, *match.span())


def _folded(word: str) -> str:
    if word.isascii():
        return word.lower()[:_LONGEST]
    # Taking letters apart may give such as have a case again: the full-width Ａ, or ™.
    apart = unicodedata.normalize("NFKD", casefold(word))
    return _DROPPED.sub("", casefold(apart))[:_LONGEST]
