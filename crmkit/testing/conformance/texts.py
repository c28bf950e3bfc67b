"""Whether a plugin's texts are its own, and translated."""

from __future__ import annotations

import ast
import gettext
from collections.abc import Iterator
from pathlib import Path

from crmkit.core.entity import Owned, Pipelined, Record
from crmkit.core.registry import Registry
from crmkit.core.text import Text

__all__ = ["strangers", "untranslated"]

_OF_EVERY_ENTITY = {name for base in (Record, Owned, Pipelined) for name in vars(base)["__crmkit_own__"]}
_NOT_SHOWN = {"tests", "migrations"}


def untranslated(folder: Path, locale: str) -> Iterator[str]:
    """Yield each text in the files of *folder* that has no translation into *locale*."""
    lacking = _Lacking()
    catalogue: gettext.NullTranslations
    try:
        catalogue = gettext.translation("messages", folder / "locales", [locale])
        catalogue.add_fallback(lacking)
    except FileNotFoundError:
        catalogue = lacking
    for text in sorted(_texts(folder)):
        catalogue.gettext(text)
    yield from lacking.asked


class _Lacking(gettext.NullTranslations):
    """Stands behind a catalogue and notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def gettext(self, message: str) -> str:
        self.asked.append(message)
        return message


def _texts(folder: Path) -> set[str]:
    """Return every literal that is marked with ``_`` in the files of *folder*."""
    found = set[str]()
    for file in folder.rglob("*.py"):
        if not _NOT_SHOWN & set(file.relative_to(folder).parts):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                found.update(_marked(node))
    return found


def _marked(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
        yield from (arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str))


def strangers(registry: Registry, plugin: str, package: str) -> Iterator[str]:
    """Yield each label of *plugin* that is not marked as a text of *package*."""
    for where, text in _labels(registry, plugin):
        if text and text.package != package:
            yield f"{where}: {text!r} belongs to {text.package}"


def _labels(registry: Registry, plugin: str) -> Iterator[tuple[str, Text]]:
    for info in registry.tables():
        if info.plugin == plugin:
            yield info.id, info.label
            own = [field for name, field in info.fields.items() if name not in _OF_EVERY_ENTITY]
            own += [field for field in info.custom.values() if field.owner == plugin]
            yield from ((f"{info.id}.{field.name}", text) for field in own for text in (field.label, field.help))
    shown = (registry.sections, registry.timeline_parts)
    for things in (registry.roles, registry.pipelines, registry.guards, registry.events, registry.verbs, *shown):
        for id_, thing in things.items():
            if registry.plugin_of(id_) == plugin:
                yield id_, thing.label
