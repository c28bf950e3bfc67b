"""What a command works with: the settings, the CRM, who acts, and how results are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import click

from crmkit.core.errors import CrmkitError
from crmkit.core.text import Text, gettext as _, translate, use_locale

if TYPE_CHECKING:
    from datetime import tzinfo

    from crmkit import CRM, Principal, Reader, Writer
    from crmkit.core.configuration.config import Config
    from crmkit.core.configuration.settings import Settings

__all__ = ["NobodyError", "PluginNotEnabledError", "Session", "unorphaned"]


class NobodyError(CrmkitError):
    """A command acts as a person, and nobody said as whom."""

    code = "nobody"
    template = _("Say who acts: give --as PERSON, or write user = 'PERSON' into the section [cli] of crm.toml.")


class PluginNotEnabledError(CrmkitError):
    """A command of a plugin was called that this CRM does not use."""

    code = "plugin-not-enabled"
    template = _("{plugin!r} is installed but not enabled here. Name it under enabled in [plugins] of crm.toml.")

    def __init__(self, plugin: str) -> None:
        """Name the *plugin*."""
        super().__init__(plugin=plugin)


class Session:
    """One run of ``crmkit``. Commands, those of plugins too, get it with ``@click.pass_obj``."""

    def __init__(self) -> None:
        """Nothing is read or opened before it is asked for."""
        self.config_file: str | None = None
        self.person: str | None = None
        self.as_json = False
        #: Whether ``--json`` stands anywhere, also behind what cannot be understood.
        self.wants_json = False
        self.no_plugins = False
        self.without: tuple[str, ...] = ()
        self.locale: str | None = None
        self.debug = False
        #: The plugin whose group was called; it must be enabled.
        self.plugin: str | None = None
        self._languages = ExitStack()

    def take(self, option: str, value: Any) -> None:
        """Keep what a common option was given; one behind the command's name goes before one in front of it."""
        setattr(self, option, (*self.without, *value) if option == "without" else value)
        if option in ("locale", "config_file"):
            self.speak()

    def speak(self, locale: str | None = None, config_file: str | None = None) -> None:
        """Show texts in *locale*, or else in the language that ``--locale`` names, or else in the company's."""
        from crmkit.cli.glimpse import glimpse

        locale = locale or self.locale or glimpse(config_file or self.config_file).locale
        self._languages.enter_context(use_locale(locale))

    def fall_silent(self) -> None:
        """Show texts as before :meth:`speak`; click shows an error when everything else has ended."""
        self._languages.close()

    def use(self, config_file: str) -> None:
        """Go on with the settings in *config_file*, which the command has just made."""
        self.config_file = config_file
        for name in ("settings", "left_out", "loaded", "crm", "principal"):
            vars(self).pop(name, None)

    @cached_property
    def settings(self) -> Settings:
        """The settings, with what flags say.

        Raises:
            SettingsError, ConfigurationError: they cannot be used.
        """
        from crmkit.core.configuration.settings import load_settings

        flags = {
            path: (flag, value)
            for path, flag, value in (("cli.user", "--as", self.person), ("company.locale", "--locale", self.locale))
            if value
        }
        return load_settings(self.config_file, flags=flags)

    @cached_property
    def left_out(self) -> frozenset[str]:
        """The plugins that this run does without: those named, and those that require them."""
        from crmkit.cli.opening import left_out

        names = self.settings.config.plugins
        if self.no_plugins:
            return frozenset(names)
        gone = left_out(names, self.without, self.settings.config.trust.plugins)
        if more := sorted(gone - set(self.without)):
            self.warn(_("Left out as well, because they require it: {names}"), names=", ".join(more))
        return gone

    @cached_property
    def loaded(self) -> CRM:
        """The CRM with its plugins; its database may not be there yet.

        Raises:
            PluginError: the plugins do not fit together.
            PluginNotEnabledError: the plugin whose command was called is not among them.
        """
        from crmkit.cli.opening import load_crm

        crm = load_crm(self.settings.config, self.left_out, safe_mode=self.no_plugins)
        if self.plugin and self.plugin not in {plugin.name for plugin in crm.plugins}:
            raise PluginNotEnabledError(self.plugin)
        return crm

    @cached_property
    def crm(self) -> CRM:
        """The CRM, ready to be used.

        Raises:
            PluginError: the plugins do not fit together.
            NotMigratedError: the database lacks what they need.
            PluginParkedError: the tables of one are parked.
            RevisionsMissingError: the database holds more than they know.
        """
        from crmkit.cli.opening import check_ready

        check_ready(self.loaded)
        self.loaded.refresh()
        return self.loaded

    @cached_property
    def principal(self) -> Principal:
        """Who acts.

        Raises:
            NobodyError: nobody was named.
            NotFoundError: there is no such active user.
        """
        from crmkit.cli.people import find_principal

        name = self.settings.config.cli.user
        if not name:
            raise NobodyError()
        return find_principal(self.crm, name)

    def opener(self, config: Config | None = None) -> Callable[[], CRM]:
        """Return what opens this CRM in another process, to which it can be sent; *config* replaces the settings."""
        from crmkit.cli.opening import load_crm

        return partial(load_crm, config or self.settings.config, self.left_out, safe_mode=self.no_plugins)

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """Give a reader for the person who acts."""
        with self.crm.read(self.principal) as reader:
            yield reader

    @contextmanager
    def writer(self) -> Iterator[Writer]:
        """Give a writer for the person who acts; the ledger names the command as the cause."""
        with self.crm.write(self.principal, cause=self.cause) as writer:
            yield writer

    @contextmanager
    def trusted(self) -> Iterator[Reader]:
        """Give a reader without limits: who may run commands here could read the database as well."""
        from crmkit.cli.people import HOST

        with self.crm.read(HOST) as reader:
            yield reader

    @contextmanager
    def system(self) -> Iterator[Writer]:
        """Give a writer without limits, for what must work before anybody has a role."""
        with self.crm.system(self.cause) as writer:
            yield writer

    @property
    def cause(self) -> str:
        """What the ledger says about writes: ``cli:sales reassign-deals``."""
        context = click.get_current_context(silent=True)
        return f"cli:{context.command_path.partition(' ')[2]}" if context else "cli"

    def show(self, data: Any, *, columns: Mapping[str, str] | None = None) -> None:
        """Print *data*: with ``--json`` as JSON, else a list of dicts or records as a table, a dict as lines.

        *columns* maps the keys to show to their headings, in order; JSON always has all keys.
        """
        from crmkit.cli.output import show

        show(data, columns=columns, as_json=self.as_json, zone=self.zone)

    @property
    def zone(self) -> tzinfo | None:
        """The company's time zone, once the settings are known."""
        if "settings" not in vars(self):
            return None
        from zoneinfo import ZoneInfo

        return ZoneInfo(self.settings.config.company.time_zone)

    def say(self, text: str) -> None:
        """Print *text* for people; with ``--json`` nothing, as its readers are programs."""
        if not self.as_json:
            from crmkit.cli.output import harmless

            click.echo(harmless(text, lines=True))

    def warn(self, text: Text, **facts: Any) -> None:
        """Print *text* to standard error, where it disturbs no result."""
        from crmkit.cli.output import harmless

        click.echo(harmless(translate(text).format_map(facts), lines=True), err=True)

    def close(self) -> None:
        """Close the database, if it was opened."""
        if "loaded" in vars(self):
            self.loaded.close()


@contextmanager
def unorphaned(session: Session) -> Iterator[Writer]:
    """Give the writer of the person who acts; where nobody is an administrator any more, one without limits.

    Whoever may run commands here could change the database as well, so nobody is locked out for good.
    """
    from crmkit.cli.people import active_administrators

    with session.trusted() as db:
        orphaned = not session.person and not active_administrators(db)
    with session.system() if orphaned else session.writer() as writer:
        yield writer
