"""``crmkit config``: the settings that count, and where each comes from."""

from __future__ import annotations

import click

from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.text import gettext as _

__all__ = ["command"]


@click.group("config", help=COMMANDS["config"])
def command() -> None:
    """Group what concerns the settings."""


@command.command("show", help=_("Show each setting with the place its value comes from. Passwords are masked."))
@click.pass_obj
def _show(session: Session) -> None:
    rows = [
        {
            "setting": value.setting.path,
            "value": value.shown,
            "source": value.source,
            "variable": value.setting.variables[0],
            "help": value.setting.info.help,
        }
        for value in session.settings.values
    ]
    if session.as_json:
        session.show({"file": session.settings.file, "settings": rows})
        return
    session.show(rows, columns={"setting": _("Setting"), "value": _("Value"), "source": _("From")})
    file = session.settings.file
    session.say(f"\n{file}" if file else "")
