"""Templates of text: expressions in braces are substituted, and nothing else is done.

What stands in the record stays as it is, however much it looks like a template itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from crmkit.core.errors import FieldProblem
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.entity import Record
    from crmkit.core.reading.reader import Reader

__all__ = ["Given", "Template", "read_template", "renamed_in_template"]

Given: TypeAlias = Callable[["Reader", "Record"], Any]
_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_MOST = 20_000
_HIDDEN = "…"


class Template:
    """Text about a record, in one language or several, that is worked out for whoever reads it."""

    # Arguments of actions are read by msgspec, which passes a class of no kind that it knows as it is.
    __slots__ = ("_texts",)

    def __init__(self, texts: Mapping[str, Sequence[str | Given]]) -> None:
        """Made by :func:`read_template`; *texts* are words, and what gives values between them, by language."""
        self._texts = texts

    def filled(self, db: Reader, record: Record) -> str:
        """Return the text with the values that *db* reads, in the language of its principal."""
        return "".join(part if isinstance(part, str) else _shown(part(db, record)) for part in self._parts(db))

    def told_to(self, db: Reader, record: Record) -> str:
        """Return the text for somebody, by their reader: where they may not read a value stands an ellipsis."""
        return "".join(part if isinstance(part, str) else _told(part, db, record) for part in self._parts(db))

    def _parts(self, db: Reader) -> Sequence[str | Given]:
        locale = db.access.locale
        wanted = (locale, locale.partition("_")[0], "en", *self._texts)
        return next(self._texts[name] for name in wanted if name in self._texts)


def read_template(given: Any, expression: Callable[[str], Given]) -> Template:
    """Return the template that *given* spells: text, or texts by language; *expression* reads what stands in braces.

    ``{{`` and ``}}`` stand for braces.

    Raises:
        RuleError: an expression in it makes no sense.
        FieldProblem: it is no text, or a brace stands alone.
    """
    texts = given if isinstance(given, Mapping) else {"en": given}
    if not texts or not all(isinstance(text, str) for text in texts.values()):
        raise FieldProblem("", _("a template is text, or texts by language"))
    return Template({str(locale): tuple(_parts(text, expression)) for locale, text in texts.items()})


def _parts(text: str, expression: Callable[[str], Given]) -> Iterator[str | Given]:
    if len(text) > _MOST:
        raise FieldProblem("", _("a template has at most {most} characters"), most=_MOST)
    end = 0
    for found in _PART.finditer(text):
        yield text[end : found.start()]
        end = found.end()
        if found[1] is not None:
            yield expression(found[1])
        elif len(found[0]) == 1:
            message = _("a brace stands alone at {column}; write {{{{ or }}}}")
            raise FieldProblem("", message, column=found.start() + 1)
        else:
            yield found[0][0]
    yield text[end:]


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _told(part: Given, db: Reader, record: Record) -> str:
    try:
        return _shown(part(db, record))
    except AttributeError:
        # What is hidden from somebody raises as what does not exist.
        return _HIDDEN


def renamed_in_template(text: str, rename: Callable[[str], str]) -> str:
    """Return the template *text* with each expression in it as *rename* returns it."""
    return _PART.sub(lambda found: found[0] if found[1] is None else "{" + rename(found[1]) + "}", text)
