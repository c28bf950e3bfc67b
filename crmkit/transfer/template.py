"""Texts with columns in them: ``office:{regional_office}``, ``{sales_agent:slug}@example.com``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping

import attrs

from crmkit.core.text import gettext as _
from crmkit.transfer.errors import PlanError

__all__ = ["FILTERS", "Template"]

_PART = re.compile(r"\{\{|\}\}|\{([^{}]+)\}|[{}]")


def _slug(text: str) -> str:
    """Return *text* in lower case without accents, its words joined by hyphens."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", "-", unicodedata.normalize("NFC", plain).casefold()).strip("-")


#: What may stand after a colon in a template.
FILTERS: dict[str, Callable[[str], str]] = {"": str, "lower": str.lower, "upper": str.upper, "slug": _slug}


@attrs.frozen
class _Piece:
    """Fixed text, or a column and what is done to its text."""

    text: str
    column: str | None = None
    change: Callable[[str], str] = str


@attrs.frozen
class Template:
    """A text with columns in it; braces are doubled to mean themselves."""

    text: str
    _pieces: tuple[_Piece, ...] = attrs.field(alias="pieces")
    #: The columns that it names.
    columns: tuple[str, ...] = attrs.field(init=False, repr=False)

    @columns.default
    def _named(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(piece.column for piece in self._pieces if piece.column is not None))

    @classmethod
    def parse(cls, text: str, where: str) -> Template:
        """Return the template that *text* describes.

        Raises:
            PlanError: a brace is open; *where* says in which place.
        """
        pieces: list[_Piece] = []
        end = 0
        for match in _PART.finditer(text):
            pieces.append(_Piece(text[end : match.start()]))
            pieces.append(cls._piece(match, where))
            end = match.end()
        pieces.append(_Piece(text[end:]))
        return cls(text, tuple(piece for piece in pieces if piece.text or piece.column))

    @classmethod
    def of_column(cls, column: str) -> Template:
        """Return the template that is the text of one column."""
        return cls(f"{{{column}}}", (_Piece("", column),))

    @staticmethod
    def _piece(match: re.Match[str], where: str) -> _Piece:
        if match[0] in ("{{", "}}"):
            return _Piece(match[0][0])
        inside = match[1]
        if inside is None:
            raise PlanError(where, _("an open brace in {text!r}; write it twice to mean itself"), text=match.string)
        column, _colon, change = inside.rpartition(":")
        # A column's name may hold a colon itself.
        return _Piece("", column, FILTERS[change]) if column and change in FILTERS else _Piece("", inside)

    def fill(self, texts: Mapping[str, str]) -> str | None:
        """Return the text for one row, or ``None`` if a column that it names is empty there."""
        parts: list[str] = []
        for piece in self._pieces:
            text = piece.text if piece.column is None else piece.change(texts[piece.column])
            if not text:
                return None
            parts.append(text)
        return "".join(parts)

    def fill_partly(self, texts: Mapping[str, str]) -> str | None:
        """Return the text for one row with empty columns left out, or ``None`` if all of them are empty."""
        if self.columns and not any(texts[column] for column in self.columns):
            return None
        parts = [p.text if p.column is None else p.change(texts[p.column]) for p in self._pieces]
        return "".join(parts).strip()
