"""The groups of commands that plugins bring: listed without importing a plugin, imported when they are called."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

from crmkit.cli.glimpse import glimpse
from crmkit.core.text import current_locale

if TYPE_CHECKING:
    import click

__all__ = ["Group", "import_group", "plugin_groups"]

_ENTRY_POINTS = "crmkit.plugins"


class Group(NamedTuple):
    """A plugin's group of commands, and the package whose catalogue translates its texts."""

    group: click.Group
    package: str


def import_group(plugin: str, config_file: str | None = None) -> Group | None:
    """Return the group of the installed *plugin*; ``None`` if there is no such plugin or it has no commands.

    Raises:
        PluginNotTrustedError: the allow-list does not have it as it is; none of it was imported.
        DeclarationError: it is installed twice, its commands cannot be imported, or ``commands.cli`` is no group.
    """
    from importlib import import_module

    import click

    from crmkit.core.errors import DeclarationError
    from crmkit.core.plugins import entry_point, installed_plugins
    from crmkit.core.text import gettext as _
    from crmkit.core.trust import untrusted

    installed = installed_plugins()
    if plugin not in installed:
        return None
    for refused in untrusted([plugin], installed, glimpse(config_file).allowed):
        raise refused
    point = entry_point(plugin, installed)
    if _folder_of(point.value) is None:
        return None
    wanted = f"{point.value}.commands"
    try:
        group = getattr(import_module(wanted), "cli", None)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name == wanted:
            return None
        reason = f"{type(error).__name__}: {error}"
        raise DeclarationError(plugin, _("importing its commands failed: {reason}"), reason=reason) from error
    if not isinstance(group, click.Group):
        raise DeclarationError(wanted, _("has no click group named cli"))
    return Group(group, point.value)


def plugin_groups(config_file: str | None) -> dict[str, str]:
    """Return what each enabled plugin that has commands says of itself, by name, in the current language."""
    enabled = glimpse(config_file).plugins
    if not enabled:
        return {}
    installed = dict(_installed())
    groups = {}
    for name in sorted(enabled):
        folder = _folder_of(installed.get(name, ""))
        if folder is not None and os.path.isfile(os.path.join(folder, "commands.py")):
            groups[name] = _summary(folder) or name
    return groups


def _installed() -> Iterator[tuple[str, str]]:
    """Yield name and package of every installed plugin; ``importlib.metadata`` would cost a third of the whole help."""
    for place in sys.path:
        for name in os.listdir(place or ".") if os.path.isdir(place or ".") else ():
            if name.endswith(".dist-info"):
                text = _read(os.path.join(place, name, "entry_points.txt"))
                if f"[{_ENTRY_POINTS}]" in text:
                    yield from _points(text)


def _read(path: str) -> str:
    """Return the text of *path*; nothing if it is not there or cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _points(text: str) -> Iterator[tuple[str, str]]:
    section = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            section = line
        elif section == f"[{_ENTRY_POINTS}]" and "=" in line:
            name, _equals, package = line.partition("=")
            yield name.strip(), package.strip()


def _folder_of(package: str) -> str | None:
    """Return the folder of *package* without importing it; its parents are imported."""
    try:
        spec = find_spec(package) if package else None
    except (ImportError, ValueError):
        return None
    return os.path.dirname(spec.origin) if spec and spec.origin else None


def _summary(folder: str) -> str:
    """Return the summary, or else the label, in the manifest of the plugin in *folder*, read as text.

    A manifest that is not written as ``PLUGIN = Plugin(…)`` with plain texts gives nothing here.
    """
    try:
        module = ast.parse(_read(os.path.join(folder, "__init__.py")))
    except (SyntaxError, ValueError):
        return ""
    texts = dict[str, str]()
    for statement in module.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="PLUGIN")], value=ast.Call(keywords=keywords)):
                texts = {str(keyword.arg): _text(keyword.value) for keyword in keywords}
    return _translated(texts.get("summary") or texts.get("label") or "", folder)


def _text(node: ast.expr) -> str:
    """Return the text that *node* is, marked for translation or not."""
    if isinstance(node, ast.Call) and len(node.args) == 1:
        node = node.args[0]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _translated(text: str, folder: str) -> str:
    if not text or current_locale().startswith("en"):
        return text
    import gettext

    found = gettext.translation("messages", os.path.join(folder, "locales"), [current_locale()], fallback=True)
    return found.gettext(text)
