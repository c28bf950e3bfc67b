"""The reference of the command line: every command with its arguments and options."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

from crmkit.cli.common import common_options
from crmkit.cli.groups import import_group
from crmkit.cli.project import first_party_plugins
from crmkit.cli.root import COMMANDS, root


def render() -> str:
    """Return Markdown: the options that all commands share, then a section for each command."""
    context = click.Context(root, info_name="crmkit")
    shared = _options(context, [option for option in root.params if isinstance(option, click.Option)])
    commands = "\n".join(_command(context, name, root.get_command(context, name)) for name in _names())
    return f"\n## Options of every command\n\n{shared}\n{commands}"


def _names() -> Iterator[str]:
    yield from COMMANDS
    yield from (name for name in first_party_plugins() if import_group(name) is not None)


def _command(parent: click.Context, name: str, command: click.Command | None, level: int = 2) -> str:
    assert command is not None
    context = click.Context(command, parent=parent, info_name=name)
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    shared = {option.name for option in common_options(hide=True)}
    own = [p for p in command.params if isinstance(p, click.Option) and p.name not in shared]
    parts = [
        f"\n{'#' * level} `{context.command_path}`\n\n{command.help}\n\n```text\n{usage}\n```\n",
        _options(context, own),
    ]
    if isinstance(command, click.Group):
        parts += [_command(context, sub, command.commands[sub], level + 1) for sub in command.list_commands(context)]
    return "\n".join(part for part in parts if part)


def _options(context: click.Context, options: Iterable[click.Option]) -> str:
    records = [record for option in options if (record := option.get_help_record(context)) is not None]
    return "".join(f"- `{names}`: {help}\n" for names, help in records)
