"""Adding, removing and purging a plugin: each a chain of steps, after any of which the CRM can be used.

The database is told first that it may do without the plugin. Whatever happens next, it opens with the plugin and
without it; the same command again goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import attrs

from crmkit.cli.opening import DatabaseMissingError, check_there, load_crm
from crmkit.cli.plugin_file import disable, editable_file, enable
from crmkit.cli.plugin_report import conflicts_of
from crmkit.core.crm import CRM
from crmkit.core.errors import CrmkitError
from crmkit.core.migrating import (
    ParkedPlugin,
    Plan,
    Report,
    apply,
    note_absence,
    note_presence,
    park,
    parked_plugins,
    parking_preview,
    plan,
    purge,
)
from crmkit.core.migrating.applied import check_agreement
from crmkit.core.migrating.counting import CountedTable
from crmkit.core.migrating.errors import UnknownPluginError
from crmkit.core.plugins import PluginError, find_plugins
from crmkit.core.privacy.finishing import finish_erasures
from crmkit.core.storage.engines import Storage
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.configuration.settings import Settings

__all__ = [
    "PluginRequiredError",
    "add_plugin",
    "adding_preview",
    "parked",
    "purge_plugin",
    "remove_plugin",
    "removing_preview",
]


class PluginRequiredError(CrmkitError):
    """A plugin cannot be removed, because others that are enabled require it."""

    code = "plugin-required"
    template = _("{plugin!r} cannot be removed: {others} require it. Remove those first.")

    def __init__(self, plugin: str, others: list[str]) -> None:
        """Name the *plugin* and those that require it."""
        super().__init__(plugin=plugin, others=", ".join(others))


def adding_preview(settings: Settings, name: str) -> Plan:
    """Return what :func:`add_plugin` would do to the database.

    Raises:
        PluginError: the plugin does not fit beside those that are enabled.
    """
    _check_fits(settings, name)
    with _crm(settings, name, present=True) as crm:
        return plan(crm)


def add_plugin(settings: Settings, name: str, watch: Callable[[str], None] | None = None) -> Report:
    """Enable the plugin *name*: restore what is parked of it, apply its revisions, write it into ``crm.toml``.

    Raises:
        PluginError: it does not fit beside those that are enabled.
        MigrationFailedError: a step failed; the plugin is not enabled, and what its steps had made is parked.
        LegalHoldError: it has something of somebody who was erased, under a legal hold; it stays parked.
    """
    file = editable_file(settings)
    _check_fits(settings, name)
    with _crm(settings, name, present=False) as before:
        # Only the plugin's own steps may be the reason why it cannot be added.
        apply(before, without=(name,), watch=watch)
    with _crm(settings, name, present=True) as crm:
        if name not in settings.config.plugins:
            note_absence(crm, name)
        try:
            done = apply(crm, arriving=name, watch=watch)
        except CrmkitError:
            if name not in settings.config.plugins:
                _put_away(settings, name)
            raise
        enable(file, name)
        note_presence(crm, name)
        if done.erased:
            finish_erasures(crm)
    return done


def _put_away(settings: Settings, name: str) -> None:
    with _crm(settings, name, present=False) as crm, suppress(CrmkitError):
        park(crm, name)


def removing_preview(settings: Settings, name: str) -> tuple[CountedTable, ...]:
    """Return the tables that :func:`remove_plugin` would park, with their rows.

    Raises:
        PluginRequiredError: an enabled plugin requires it.
        StillReferredError: a table of somebody else refers to one of them.
        UnknownPluginError: neither ``crm.toml`` nor the database knows it.
    """
    _check_unrequired(settings, name)
    with _crm(settings, name, present=False) as crm:
        check_agreement(crm, without=(name,))
        try:
            return parking_preview(crm, name)
        except UnknownPluginError:
            if name in settings.config.plugins:
                return ()
            raise


def remove_plugin(settings: Settings, name: str) -> tuple[str, ...]:
    """Disable the plugin *name*, park its tables, and return their names. Its package need not be installed any more.

    Raises:
        PluginRequiredError: an enabled plugin requires it.
        StillReferredError: a table of somebody else refers to one of them.
        UnknownPluginError: neither ``crm.toml`` nor the database knows it.
    """
    file = editable_file(settings)
    known = bool(removing_preview(settings, name))
    with _crm(settings, name, present=False) as crm:
        note_absence(crm, name, _version(settings, name))
        disable(file, name)
        return park(crm, name) if known else ()


def parked(settings: Settings) -> tuple[ParkedPlugin, ...]:
    """Return what is parked; nothing where there is no database. No plugin is loaded."""
    storage = Storage(settings.config.database.url)
    try:
        check_there(storage)
        return parked_plugins(storage)
    except DatabaseMissingError:
        return ()
    finally:
        storage.dispose()


def purge_plugin(settings: Settings, name: str) -> tuple[str, ...]:
    """Drop what is parked of the plugin *name* and return the names of the tables: **their data is gone**.

    Raises:
        UnknownPluginError: nothing is parked of it.
        StillReferredError: a table of another parked plugin refers to one of them.
    """
    with _crm(settings, name, present=name in settings.config.plugins) as crm:
        return purge(crm, name)


@contextmanager
def _crm(settings: Settings, name: str, *, present: bool) -> Iterator[CRM]:
    """Give the CRM of *settings* with or without the plugin *name*."""
    others = [other for other in settings.config.plugins if other != name]
    crm = load_crm(attrs.evolve(settings.config, plugins=[*others, name] if present else others))
    try:
        check_there(crm.storage)
        yield crm
    finally:
        crm.close()


def _check_fits(settings: Settings, name: str) -> None:
    if reasons := conflicts_of(settings.config, name):
        raise PluginError(reasons)


def _check_unrequired(settings: Settings, name: str) -> None:
    names = (other for other in settings.config.plugins if other != name)
    others = find_plugins(names, settings.config.trust.plugins)
    if found := sorted(other.name for other in others if name in other.manifest.requires):
        raise PluginRequiredError(name, found)


def _version(settings: Settings, name: str) -> str | None:
    try:
        return find_plugins([name], settings.config.trust.plugins)[0].manifest.version
    except PluginError:
        return None
