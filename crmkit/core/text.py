"""Text that people read: marked for translation where it is written, translated where it is shown."""

from __future__ import annotations

import gettext as _gettext
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from importlib import import_module
from typing import Any, cast

__all__ = [
    "LabelledText",
    "Text",
    "are_labels",
    "casefold",
    "current_locale",
    "gettext",
    "is_storable",
    "translate",
    "translator",
    "use_locale",
]

_SURROGATE = re.compile("[\ud800-\udfff]")
_locale: ContextVar[str] = ContextVar("crmkit_locale", default="en")


class Text(str):
    """An English sentence that knows the package whose catalogue translates it.

    It *is* the English source, so it can be compared, hashed and shown without a catalogue;
    :func:`translate` returns it in another language.
    """

    __slots__ = ("package",)
    package: str

    def __new__(cls, source: str, package: str = "crmkit") -> Text:
        """Return *source* marked as translated by *package*'s ``locales`` folder."""
        text = super().__new__(cls, source)
        text.package = package
        return text


class LabelledText(Text):
    """A text written at run time, with its translations beside it."""

    __slots__ = ("labels",)
    labels: Mapping[str, str]

    def __new__(cls, source: str, labels: Mapping[str, str]) -> LabelledText:
        """Return *source* with its *labels* by locale."""
        text: Any = super().__new__(cls, source)
        text.labels = labels
        return cast("LabelledText", text)

    def translated(self, locale: str) -> str:
        """Return the label in *locale*, or in its language; the source where there is none."""
        found = self.labels.get(locale) or self.labels.get(locale.partition("_")[0])
        return str(found or self)


def are_labels(given: object) -> bool:
    """Return whether *given*, as somebody wrote it, maps locales to texts."""
    return isinstance(given, Mapping) and all(isinstance(label, str) for label in given.values())


def gettext(source: str) -> Text:
    """Return *source* as a :class:`Text` of crmkit's own catalogue; imported as ``_``."""
    return Text(source)


def translator(package: str) -> Callable[[str], Text]:
    """Return the ``_`` of a plugin: it marks texts as translated by the ``locales`` folder of *package*."""
    return lambda source: Text(source, package)


@contextmanager
def use_locale(locale: str) -> Iterator[None]:
    """Show every :class:`Text` in *locale* (such as ``zh_CN``) inside the block."""
    token = _locale.set(locale)
    try:
        yield
    finally:
        _locale.reset(token)


def current_locale() -> str:
    """Return the locale in which texts are shown now; ``en`` unless :func:`use_locale` says otherwise."""
    return _locale.get()


def translate(text: str, locale: str | None = None) -> str:
    """Return *text* in *locale* (default: the current one); the English source where no translation exists."""
    wanted = locale or _locale.get()
    if isinstance(text, LabelledText):
        return text.translated(wanted)
    if wanted.startswith("en") or not text:
        return str(text)
    package = text.package if isinstance(text, Text) else "crmkit"
    return _catalogue(package, wanted).gettext(str(text))


@lru_cache(maxsize=256)
def _catalogue(package: str, locale: str) -> _gettext.NullTranslations:
    module = import_module(package)
    folders = [os.path.join(place, "locales") for place in getattr(module, "__path__", [])]
    for folder in folders:
        if _gettext.find("messages", folder, [locale]):
            return _gettext.translation("messages", folder, [locale])
    return _gettext.NullTranslations()


def casefold(value: str) -> str:
    """Return *value* for comparison without case, the one way that rules, search and every database share."""
    return value.casefold()


def is_storable(value: str) -> bool:
    """Return whether every database can keep *value*: it has no NUL and no half of a surrogate pair."""
    return "\0" not in value and (value.isascii() or not _SURROGATE.search(value))
