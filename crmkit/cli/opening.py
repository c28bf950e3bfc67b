"""Opening the CRM for a command: which plugins it gets, and whether its database is ready."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

import attrs

from crmkit.celery import CeleryCarrier
from crmkit.core.configuration.config import Config
from crmkit.core.crm import CRM
from crmkit.core.errors import ConfigurationError, CrmkitError, DeclarationError
from crmkit.core.migrating.applied import ANY
from crmkit.core.plugins import LoadedPlugin, PluginError, find_plugins
from crmkit.core.storage.engines import Storage
from crmkit.core.text import gettext as _

__all__ = [
    "DatabaseMissingError",
    "check_names",
    "check_ready",
    "check_there",
    "database_file",
    "left_out",
    "load_crm",
]


class DatabaseMissingError(CrmkitError):
    """The file of an SQLite database is not there; opening it would make an empty one."""

    code = "database-missing"
    template = _(
        "There is no database {file}. Check url in [database]: crmkit config show. "
        "Restore a backup, or make an empty one: crmkit db apply"
    )

    def __init__(self, file: Path) -> None:
        """Name the *file*."""
        super().__init__(file=str(file))


def load_crm(config: Config, without: frozenset[str] = frozenset(), *, safe_mode: bool = False) -> CRM:
    """Return the CRM of *config* but for the plugins in *without*; its database is not touched.

    In *safe_mode* any plugin may be absent that the database knows.

    Raises:
        PluginError: the plugins do not fit together.
        MissingExtraError: a broker is configured, and what talks to it is not installed.
    """
    names = [name for name in config.plugins if name not in without]
    plugins = find_plugins(names, config.trust.plugins)
    if reasons := list(check_names(plugins)):
        raise PluginError(reasons)
    absent = {ANY} if safe_mode else without
    carrier = CeleryCarrier(config.celery) if config.celery.broker else None
    return CRM(attrs.evolve(config, plugins=names), plugins=plugins, without=absent, carrier=carrier)


def left_out(names: Sequence[str], without: Iterable[str], allowed: Sequence[str] = ()) -> frozenset[str]:
    """Return *without* and those of *names* that require one of them, directly or not; *allowed* may be loaded.

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
    others = find_plugins([name for name in names if name not in gone], allowed)
    requires = {plugin.name: set(plugin.manifest.requires) for plugin in others}
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


def database_file(storage: Storage) -> Path | None:
    """Return the file that an SQLite database is; ``None`` for one in memory or on a server."""
    name = storage.url.database or ""
    return Path(name) if storage.is_sqlite and name and not name.startswith((":memory:", "file:")) else None


def check_there(storage: Storage) -> None:
    """Return if the database is on a server, in memory, or a file that exists.

    Raises:
        DatabaseMissingError: it is a file that does not exist.
    """
    file = database_file(storage)
    if file is not None and not file.exists():
        raise DatabaseMissingError(file)


def check_ready(crm: CRM) -> None:
    """Return if the database is there and is what *crm* needs.

    Raises:
        DatabaseMissingError: it is not there.
        NotMigratedError, PluginParkedError, RevisionsMissingError: see :meth:`crmkit.CRM.check_ready`.
    """
    check_there(crm.storage)
    crm.check_ready()
