"""Plugins: their manifests, the order in which they load, and everything that can keep one from loading."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module, metadata
from types import ModuleType

import attrs
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from crmkit.core.errors import CrmkitError, DeclarationError
from crmkit.core.text import Text, gettext as _
from crmkit.core.trust import untrusted

__all__ = [
    "API_VERSION",
    "LoadedPlugin",
    "Plugin",
    "PluginError",
    "entry_point",
    "find_plugins",
    "installed_plugins",
    "load_order",
]

API_VERSION = "0.1.0"
GROUP = "crmkit.plugins"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}\Z")
_RESERVED = ("core", "custom", "automation")


def _ranges(given: Mapping[str, str] | Iterable[str]) -> Mapping[str, str]:
    return dict(given) if isinstance(given, Mapping) else dict.fromkeys(given, "")


@attrs.frozen
class Plugin:
    """A manifest: readable before any other code of the plugin runs.

    *requires* maps the names of plugins to version ranges (PEP 440, such as ``>=1.2,<2``); *crmkit* is the range of
    the plugin API's version that this plugin was written for. A new CRM has the plugins that come with crmkit, but for
    those that are not there *by_default*: they need something that whoever runs it has to give.

    Raises:
        DeclarationError: the name, the version or a range is not acceptable.
    """

    name: str
    version: str
    label: Text
    summary: Text = attrs.field(factory=lambda: Text(""))
    requires: Mapping[str, str] = attrs.field(converter=_ranges, default=())
    crmkit: str = ">=0.1,<1"
    by_default: bool = True

    def __attrs_post_init__(self) -> None:
        if not _NAME.match(self.name) or self.name in _RESERVED:
            raise DeclarationError(
                self.name,
                _("a plugin's name is in lower case, such as 'sales', and none of 'core', 'custom' and 'automation'"),
            )
        try:
            Version(self.version)
            for wanted in (self.crmkit, *self.requires.values()):
                SpecifierSet(wanted)
        except (InvalidVersion, InvalidSpecifier) as error:
            raise DeclarationError(self.name, _("{reason}"), reason=str(error)) from None


@attrs.frozen
class LoadedPlugin:
    """A manifest and the package it came from."""

    manifest: Plugin
    module: ModuleType

    @property
    def name(self) -> str:
        """The plugin's name."""
        return self.manifest.name

    def submodule(self, name: str) -> ModuleType | None:
        """Return the plugin's module *name*, or ``None`` if it has no such file."""
        inside = getattr(self.module, name, None)
        if isinstance(inside, ModuleType) or not hasattr(self.module, "__path__"):
            return inside if isinstance(inside, ModuleType) else None
        wanted = f"{self.module.__name__}.{name}"
        try:
            return import_module(wanted)
        except ModuleNotFoundError as error:
            if error.name == wanted:
                return None
            raise


class PluginError(CrmkitError):
    """Plugins cannot be loaded as asked; every reason is listed, each with the plugin it concerns."""

    code = "plugin"
    template = _("Plugins cannot be loaded: {summary}")

    def __init__(self, reasons: Sequence[CrmkitError]) -> None:
        """Keep all *reasons*."""
        super().__init__(reasons=tuple(reasons), summary="; ".join(str(r) for r in reasons))


def installed_plugins() -> dict[str, list[metadata.EntryPoint]]:
    """Return the entry points of every installed plugin by name, without importing any.

    There are several where distributions offer a plugin of the same name; it cannot be enabled then.
    """
    found: dict[str, list[metadata.EntryPoint]] = {}
    for point in metadata.entry_points(group=GROUP):
        same = found.setdefault(point.name, [])
        if point.value not in {other.value for other in same}:
            same.append(point)
    return found


def entry_point(name: str, installed: Mapping[str, Sequence[metadata.EntryPoint]]) -> metadata.EntryPoint:
    """Return the entry point of the plugin *name* among those *installed*.

    Raises:
        DeclarationError: it is not installed, or installed twice.
    """
    points = installed.get(name, ())
    if not points:
        known = ", ".join(sorted(installed)) or "-"
        raise DeclarationError(name, _("this plugin is not installed. Installed: {known}"), known=known)
    if len(points) > 1:
        places = ", ".join(sorted(point.value for point in points))
        raise DeclarationError(name, _("installed twice: {places}"), places=places)
    return points[0]


def find_plugins(names: Iterable[str], allowed: Sequence[str] = ()) -> list[LoadedPlugin]:
    """Return the installed plugins *names*, with what went wrong for all of them at once.

    Where *allowed* lists plugins with their hashes, no other is imported.

    Raises:
        PluginError: one is not installed or installed twice, not allowed, fails to import, or has no manifest of its
            name.
    """
    installed, wanted = installed_plugins(), list(names)
    if refused := list(untrusted(wanted, installed, allowed)):
        raise PluginError(refused)
    found, reasons = [], []
    for name in wanted:
        try:
            found.append(_import_plugin(name, installed))
        except CrmkitError as error:
            reasons.append(error)
    if reasons:
        raise PluginError(reasons)
    return found


def _import_plugin(name: str, installed: Mapping[str, Sequence[metadata.EntryPoint]]) -> LoadedPlugin:
    point = entry_point(name, installed)
    try:
        module = point.load()
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {error}"
        raise DeclarationError(name, _("importing it failed: {reason}"), reason=reason) from error
    return as_loaded(module, name)


def as_loaded(module: ModuleType, name: str | None = None) -> LoadedPlugin:
    """Return *module* as a plugin.

    Raises:
        DeclarationError: it has no ``PLUGIN`` manifest, or one of another name.
    """
    manifest = getattr(module, "PLUGIN", None)
    if not isinstance(manifest, Plugin):
        raise DeclarationError(module.__name__, _("has no manifest; set PLUGIN = Plugin(…) in its __init__.py"))
    if name is not None and manifest.name != name:
        raise DeclarationError(name, _("its manifest has another name: {other!r}"), other=manifest.name)
    return LoadedPlugin(manifest, module)


def load_order(plugins: Sequence[LoadedPlugin]) -> list[LoadedPlugin]:
    """Return *plugins* so that each comes after those it requires; plugins of equal depth by name.

    Raises:
        PluginError: a required plugin is absent or of the wrong version, the API version does not fit, a name occurs
            twice, or plugins require each other in a circle. All reasons are given.
    """
    by_name = {plugin.name: plugin for plugin in plugins}
    reasons = [reason for plugin in plugins for reason in _unmet(plugin, by_name)]
    if len(by_name) != len(plugins):
        reasons.append(DeclarationError("plugins", _("the same plugin is enabled twice")))
    if reasons:
        raise PluginError(reasons)
    depths: dict[str, int] = {}
    for plugin in plugins:
        _depth(plugin.name, by_name, depths, ())
    return sorted(plugins, key=lambda plugin: (depths[plugin.name], plugin.name))


def _unmet(plugin: LoadedPlugin, by_name: Mapping[str, LoadedPlugin]) -> list[CrmkitError]:
    reasons: list[CrmkitError] = []
    if API_VERSION not in SpecifierSet(plugin.manifest.crmkit):
        message = _("was written for the plugin API {range}; this is {version}")
        reasons.append(DeclarationError(plugin.name, message, range=plugin.manifest.crmkit, version=API_VERSION))
    for name, wanted in plugin.manifest.requires.items():
        if name not in by_name:
            reasons.append(DeclarationError(plugin.name, _("requires the plugin {name!r}; enable it"), name=name))
        elif (version := by_name[name].manifest.version) not in SpecifierSet(wanted):
            message = _("requires {name} {range}; {version} is installed")
            reasons.append(DeclarationError(plugin.name, message, name=name, range=wanted, version=version))
    return reasons


def _depth(name: str, by_name: Mapping[str, LoadedPlugin], depths: dict[str, int], path: tuple[str, ...]) -> int:
    if name in path:
        circle = " → ".join((*path[path.index(name) :], name))
        raise PluginError(
            [DeclarationError(name, _("plugins require each other in a circle: {circle}"), circle=circle)]
        )
    if name not in depths:
        below = [_depth(other, by_name, depths, (*path, name)) for other in by_name[name].manifest.requires]
        depths[name] = 1 + max(below, default=-1)
    return depths[name]
