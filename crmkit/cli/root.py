"""``crmkit`` itself: it finds commands by name and imports only the one that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from itertools import pairwise
from typing import Any

import click

from crmkit.cli.click_texts import click_text, teach_click
from crmkit.cli.common import adopt, common_options, version_option
from crmkit.cli.session import Session
from crmkit.core.text import Text, gettext as _, translate

__all__ = ["COMMANDS", "Root", "root"]

# What each command is for, so that the list of commands imports none of them.
COMMANDS: dict[str, Text] = {
    "init": _("Make a new CRM in a folder."),
    "demo": _("Make a demo company and show what different people see."),
    "config": _("Show the settings and where they come from."),
    "doctor": _("Check that everything is as it should be, and say what to do where it is not."),
    "db": _("Plan and apply migrations of the database."),
    "plugin": _("List plugins, check them, add and remove them."),
    "entity": _("Manage the entities that are made at run time."),
    "field": _("Manage the fields that are added at run time."),
    "user": _("Manage users and their roles."),
    "token": _("Let programs act as somebody, within limits and for a while."),
    "team": _("Manage teams."),
    "role": _("Make roles of your own, and say what they and those of plugins grant and hide."),
    "shipped": _("Show what was edited here of what plugins ship, and decide about what they changed meanwhile."),
    "simulate": _("Say who would gain or lose what if another command were run."),
    "share": _("Show records to a person or a team."),
    "transfer": _("Give records to somebody else."),
    "unshare": _("End what is shared of records."),
    "shares": _("List with whom a record is shared."),
    "pipeline": _("Show pipelines and what flows through them, edit and publish them."),
    "approval": _("Ask for approvals, and decide about them."),
    "automation": _("Show automations, make them, try them on what has happened, switch them on and off."),
    "import": _("Import files as a plan says."),
    "export": _("Export records to CSV, XLSX or JSON Lines."),
    "explain": _("Say why somebody may or may not do something with a record."),
    "merge": _("Make several records one."),
    "unmerge": _("Make a merged record one of its own again."),
    "search": _("Find records by the words in them."),
    "history": _("Show what happened to a record."),
    "privacy": _("Say what is kept about people, and erase somebody."),
    "encryption": _("Make and change the keys of encrypted fields."),
    "ledger": _("Verify that nobody changed the ledger."),
    "verify": _("Check that the database is what crmkit wrote, row by row; or that a backup is whole."),
    "backup": _("Write the whole database, and what is inside files, to an encrypted file, while others go on."),
    "restore": _("Put a backup into an empty database, or in the place of one."),
    "files": _("Find content of files that is missing, and delete what nothing needs."),
    "serve": _("Serve the HTTP API, and do jobs, until told to stop."),
    "openapi": _("Print the OpenAPI document of the HTTP API."),
    "worker": _("Deliver events and do jobs until told to stop."),
    "jobs": _("See what is to be done and what failed, try it again or cancel it."),
    "shell": _("Open a Python prompt with the CRM at hand."),
}


# Commands that are those of other surfaces, and the module in which they stand.
_ELSEWHERE = dict.fromkeys(("openapi", "serve"), "crmkit.rest.commands")

_ABOUT = _("Build and run a company's own CRM.")


class Root(click.Group):
    """The group of all commands: crmkit's own, and a group for each plugin that has commands."""

    def main(self, *arguments: Any, **extra: Any) -> Any:
        """Run the command that the arguments name; click's own words are in the language of the command too."""
        teach_click()
        session = extra.setdefault("obj", Session())
        try:
            return super().main(*arguments, **extra)
        finally:
            session.fall_silent()

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Return the context of a call; programs are told in JSON what is wrong with it."""
        wants_json = "--json" in args
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            raise _misused(error) if wants_json else error from None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what stands before the command's name; help is in the language that is named, or the company's."""
        session = ctx.ensure_object(Session)
        ctx.call_on_close(session.close)
        # Whoever asks for help may name the language behind --help, or behind the command.
        session.speak(_value(args, "--locale"), _value(args, "--config"))
        session.wants_json = "--json" in args
        return super().parse_args(ctx, args)

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Return the option that shows the help; click keeps it from one call to the next, whatever their languages."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = click_text("Show this message and exit.")
        return option

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return [*COMMANDS, *self._plugin_groups(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command *cmd_name*; ``None`` if nothing has this name."""
        if cmd_name in COMMANDS:
            return adopt(_own(cmd_name), "crmkit")
        from crmkit.cli.groups import import_group

        found = import_group(cmd_name, ctx.ensure_object(Session).config_file)
        if found is None:
            return None
        ctx.ensure_object(Session).plugin = cmd_name
        return adopt(found.group, found.package)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that *args* begin with; a misspelt name is answered with those that are close."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand:
            raise click.NoSuchCommand(args[0], possibilities=self.list_commands(ctx), ctx=ctx) from None

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what crmkit is."""
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(translate(_ABOUT))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands and, under a heading of their own, the groups of plugins."""
        with formatter.section(translate(_("Commands"))):
            formatter.write_dl([(name, translate(text)) for name, text in COMMANDS.items()])
        if groups := self._plugin_groups(ctx):
            with formatter.section(translate(_("Plugins"))):
                formatter.write_dl(list(groups.items()))

    def _plugin_groups(self, ctx: click.Context) -> dict[str, str]:
        from crmkit.cli.groups import plugin_groups

        groups = plugin_groups(ctx.ensure_object(Session).config_file)
        return {name: text for name, text in groups.items() if name not in COMMANDS}

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error becomes one sentence and exit code 1."""
        from crmkit.cli.failures import Failed, is_control_flow

        try:
            return super().invoke(ctx)
        except Exception as error:
            session = ctx.ensure_object(Session)
            if session.wants_json and isinstance(error, click.UsageError):
                raise _misused(error) from None
            if session.debug or is_control_flow(error):
                raise
            raise Failed(error, as_json=session.as_json, hints=_hints(session, error)) from error


def _misused(error: click.UsageError) -> click.ClickException:
    from crmkit.cli.failures import Misused

    return Misused(error)


def _hints(session: Session, error: Exception) -> list[str]:
    """Return what people are told beside *error*, which names its record to them as they know it."""
    if session.as_json or "crm" not in vars(session):
        return []
    from crmkit.cli.telling import tell

    return tell(session, error)


def _value(args: Sequence[str], option: str) -> str | None:
    """Return what *option* is given in *args*, wherever it stands; the last one counts."""
    found = None
    for arg, following in pairwise([*args, ""]):
        if arg == option or arg.startswith(f"{option}="):
            found = following if arg == option else arg.partition("=")[2]
    return found


def _own(name: str) -> click.Command:
    from importlib import import_module

    if name in _ELSEWHERE:
        elsewhere: click.Command = copy(getattr(import_module(_ELSEWHERE[name]), name))
        elsewhere.help = COMMANDS[name]
        return elsewhere
    module = "import_" if name == "import" else name
    command: click.Command = import_module(f"crmkit.cli.commands.{module}").command
    return command


root = Root(
    name="crmkit",
    params=[*common_options(hide=False), version_option()],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
