"""The options that every command takes, before and after its name."""

from __future__ import annotations

import copy
from typing import Any

import click

from crmkit.cli.session import Session
from crmkit.core.text import Text, gettext as _, translate

__all__ = ["adopt", "common_options", "version_option"]


class _Option(click.Option):
    """Is no parameter of the command; its help is translated when it is shown."""

    def __init__(self, flag: str, name: str, help: Text, **settings: Any) -> None:
        # Under a name of its own, so that no command's parameter is in its way.
        super().__init__([flag, f"crmkit_{name}"], expose_value=False, **settings)
        self._text = help

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        self.help = translate(self._text)
        return super().get_help_record(ctx)


class _CommonOption(_Option):
    """Gives its value to the :class:`Session` instead of the command."""

    def __init__(self, flag: str, name: str, help: Text, **settings: Any) -> None:
        super().__init__(flag, name, help, callback=_keep, **settings)
        self.attribute = name


def _keep(ctx: click.Context, option: click.Parameter, value: Any) -> None:
    if value and isinstance(option, _CommonOption):
        ctx.find_root().ensure_object(Session).take(option.attribute, value)


def version_option() -> click.Option:
    """Return the option that shows the version."""
    return _Option(
        "--version", "version", _("Show the version and exit."), is_flag=True, is_eager=True, callback=_show_version
    )


def _show_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        import crmkit

        click.echo(f"crmkit {crmkit.__version__}")
        ctx.exit()


def common_options(*, hide: bool) -> list[click.Option]:
    """Return the options; with *hide* the help shows only those that people type often."""
    return [
        # Eager, so that the help of what stands behind them is that of their plugins, in their language.
        _CommonOption("--config", "config_file", _("The crm.toml to use."), metavar="PATH", is_eager=True, hidden=hide),
        _CommonOption(
            "--locale",
            "locale",
            _("The language of texts, such as en or zh_CN."),
            metavar="LOCALE",
            is_eager=True,
            hidden=hide,
        ),
        _CommonOption(
            "--as",
            "person",
            _("Who acts: a user's name, e-mail address or id. Default: user in [cli] of crm.toml."),
            metavar="PERSON",
        ),
        _CommonOption("--json", "as_json", _("Print JSON instead of text."), is_flag=True),
        _CommonOption("--no-plugins", "no_plugins", _("Safe mode: load no plugin."), is_flag=True, hidden=hide),
        _CommonOption(
            "--without",
            "without",
            _("Leave out a plugin and those that require it. May be repeated."),
            metavar="PLUGIN",
            multiple=True,
            hidden=hide,
        ),
        _CommonOption("--debug", "debug", _("Show where in the code an error comes from."), is_flag=True, hidden=hide),
    ]


def adopt(command: click.Command, package: str) -> click.Command:
    """Return *command* with the common options, its texts in the current language by the catalogue of *package*.

    The original stays as it is: it belongs to its plugin, and the next call may be in another language.
    """
    adopted = copy.copy(command)
    adopted.help = _translated(command.help, package)
    adopted.short_help = _translated(command.short_help, package)
    adopted.params = [_adopt_parameter(param, package) for param in command.params]
    taken = {opt for param in command.params for opt in param.opts}
    adopted.params += [option for option in common_options(hide=True) if not taken.intersection(option.opts)]
    if isinstance(adopted, click.Group) and isinstance(command, click.Group):
        adopted.commands = {name: adopt(sub, package) for name, sub in command.commands.items()}
    return adopted


def _adopt_parameter(param: click.Parameter, package: str) -> click.Parameter:
    adopted = copy.copy(param)
    if isinstance(adopted, click.Option):
        adopted.help = _translated(adopted.help, package)
    return adopted


def _translated(text: str | None, package: str) -> str | None:
    return translate(Text(text, package)) if text else text
