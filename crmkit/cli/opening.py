"""Opening the CRM for a command: which plugins it gets, and whether its database is ready."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.util import find_spec

import attrs

from crmkit.core.configuration.config import Config
from crmkit.core.crm import CRM
from crmkit.core.errors import ConfigurationError, CrmkitError, DeclarationError
from crmkit.core.plugins import LoadedPlugin, PluginError, find_plugins
from crmkit.core.text import gettext as _

__all__ = ["NotMigratedError", "check_migrated", "check_names", "left_out", "load_crm"]


class NotMigratedError(CrmkitError):
    """The database lacks what the enabled plugins need."""

    code = "database-not-migrated"
    template = _("The database lacks {count} revisions, the first is {first}. Run: crmkit db apply")

    def __init__(self, revisions: Sequence[str]) -> None:
        """Name the missing *revisions*."""
        super().__init__(count=len(revisions), first=revisions[0], revisions=tuple(revisions))


def load_crm(config: Config, without: frozenset[str]) -> CRM:
    """Return the CRM of *config* but for the plugins in *without*; its database is not touched.

    Raises:
        PluginError: the plugins do not fit together.
    """
    names = [name for name in config.plugins if name not in without]
    plugins = find_plugins(names)
    if reasons := list(check_names(plugins)):
        raise PluginError(reasons)
    return CRM(attrs.evolve(config, plugins=names), plugins=plugins)


def left_out(names: Sequence[str], without: Iterable[str]) -> frozenset[str]:
    """Return *without* and those of *names* that require one of them, directly or not.

    Raises:
        ConfigurationError: one of *without* is not enabled.
        PluginError: a plugin that is not left out cannot be imported.
    """
    gone = set(without)
    if unknown := sorted(gone - set(names)):
        message = _("{name!r} is not enabled. Enabled: {known}")
        raise ConfigurationError("--without", message, name=unknown[0], known=", ".join(names) or "-")
    if not gone:
        return frozenset()
    requires = {p.name: set(p.manifest.requires) for p in find_plugins([n for n in names if n not in gone])}
    while more := {name for name, wanted in requires.items() if wanted & gone} - gone:
        gone |= more
    return frozenset(gone)


def check_names(plugins: Sequence[LoadedPlugin]) -> Iterable[CrmkitError]:
    """Yield why the groups of commands of *plugins* cannot be told from crmkit's own commands."""
    from crmkit.cli.root import COMMANDS

    for plugin in plugins:
        if plugin.name in COMMANDS and find_spec(f"{plugin.module.__name__}.commands"):
            message = _("its commands would stand under crmkit {name}, which is a command of crmkit")
            yield DeclarationError(plugin.name, message, name=plugin.name)


def check_migrated(crm: CRM) -> None:
    """Return if the database has every revision of the plugins.

    Raises:
        NotMigratedError: it lacks some.
    """
    from crmkit.core.migrating import pending

    if revisions := pending(crm):
        raise NotMigratedError([revision.id for revision in revisions])
