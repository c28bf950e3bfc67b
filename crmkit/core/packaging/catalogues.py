"""The translations that a package brings: what administrators said in other languages."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

from crmkit.core.packaging.package import Package
from crmkit.core.packaging.wording import texts_of
from crmkit.core.text import LabelledText, Text, translate

__all__ = ["complete_locales", "write_catalogues"]

_LOCALE = re.compile(r"[a-z]{2,3}(_[A-Za-z0-9]+)*\Z")
_MAGIC = 0x950412DE


def write_catalogues(package: Package, own: Iterable[str], folder: Path) -> tuple[str, ...]:
    """Write a catalogue for each language in which anything has a label, and return those that lack nothing.

    *own* are texts of the package itself: crmkit's catalogue has them.
    """
    own = list(own)
    for locale, texts in _translations(package, own).items():
        place = folder / locale / "LC_MESSAGES"
        place.mkdir(parents=True)
        (place / "messages.po").write_text(_po(locale, texts), encoding="utf-8")
        (place / "messages.mo").write_bytes(_mo(locale, texts))
    return complete_locales(package, own)


def complete_locales(package: Package, own: Iterable[str]) -> tuple[str, ...]:
    """Return the languages in which everything has a label."""
    found = _translations(package, list(own))
    return tuple(locale for locale, texts in found.items() if all(texts.values()))


def _translations(package: Package, own: list[str]) -> dict[str, dict[str, str]]:
    names = {extension.class_name for extension in package.extensions}
    shown = list(texts_of(package))
    labelled = [text.labels for text in shown if isinstance(text, LabelledText)]
    found = dict[str, dict[str, str]]()
    for locale in sorted({locale for labels in labelled for locale in labels if _LOCALE.match(locale)}):
        texts = {text: text for text in names} | {text: translate(text, locale) for text in own}
        for text in shown:
            texts[str(text)] = texts.get(text) or _said(text, locale)
        found[locale] = texts
    return found


def _said(text: Text, locale: str) -> str:
    """Return *text* in *locale*; empty where nobody said it."""
    if isinstance(text, LabelledText):
        return text.labels.get(locale) or ""
    said = translate(text, locale)
    return "" if said == text else said


def _header(locale: str) -> str:
    return f"Language: {locale}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n"


def _po(locale: str, texts: Mapping[str, str]) -> str:
    entries = {"": _header(locale), **dict(sorted(texts.items()))}
    # What JSON escapes, gettext escapes in the same way.
    return "\n".join(f"msgid {_quoted(text)}\nmsgstr {_quoted(said)}\n" for text, said in entries.items())


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _mo(locale: str, texts: Mapping[str, str]) -> bytes:
    """Return the compiled catalogue: https://www.gnu.org/software/gettext/manual/html_node/MO-Files.html."""
    entries = sorted((text.encode(), said.encode()) for text, said in {**texts, "": _header(locale)}.items() if said)
    columns, tables, body = list(zip(*entries, strict=True)), [], b""
    start = 28 + 16 * len(entries)
    for column in columns:
        for text in column:
            tables.append(struct.pack("<II", len(text), start + len(body)))
            body += text + b"\0"
    head = struct.pack("<7I", _MAGIC, 0, len(entries), 28, 28 + 8 * len(entries), 0, start)
    return head + b"".join(tables) + body
