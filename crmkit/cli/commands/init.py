"""``crmkit init``: a new CRM in a folder of its own."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from crmkit.cli.glimpse import machine_locale
from crmkit.cli.session import Session
from crmkit.core.text import gettext as _, translate

__all__ = ["command"]


def _accepting(check: str) -> Callable[[Any], Any]:
    """Return what refuses a value that the setting would not take."""

    def accept(value: Any) -> Any:
        from crmkit.core.configuration import checks

        try:
            getattr(checks, check)(value)
        except checks.Unacceptable as error:
            raise click.BadParameter(translate(error.message).format_map(error.facts)) from None
        return value

    return accept


def _checked(check: str) -> Callable[..., Any]:
    def callback(_ctx: click.Context, _option: click.Parameter, value: Any) -> Any:
        return value if value is None else _accepting(check)(value)

    return callback


@click.command("init", help=_("Make a new CRM in the folder DIR: its settings, its database, its first administrator."))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--name", callback=_checked("name"), help=_("What the company is called."))
@click.option("--currency", callback=_checked("currency"), help=_("The currency of totals, such as EUR or CNY."))
@click.option("--time-zone", callback=_checked("time_zone"), help=_("The company's time zone, such as Europe/Berlin."))
@click.option("--admin", callback=_checked("name"), help=_("The name of the first administrator."))
@click.option("--admin-email", help=_("Their e-mail address."))
@click.option("--database", metavar="URL", callback=_checked("database_url"), help=_("Where the records will be."))
@click.pass_obj
def command(
    session: Session,
    folder: Path,
    name: str | None,
    currency: str | None,
    time_zone: str | None,
    admin: str | None,
    admin_email: str | None,
    database: str | None,
) -> None:
    """Ask for what is not given, where somebody can answer, and make the CRM."""
    from crmkit.cli.project import Project, make_project, plugins_without, system_time_zone
    from crmkit.core.configuration.config import Company

    _check_database(database)
    company = Company(
        name=name or _ask(_("Name of the company"), _name_of(folder), "name"),
        currency=currency or _ask(_("Currency of totals"), "EUR", "currency"),
        time_zone=time_zone or _ask(_("Time zone"), system_time_zone(), "time_zone"),
        locale=session.locale or machine_locale(),
    )
    admin = admin or _ask(_("Name of the first administrator"), "Administrator", "name")
    plugins = [] if session.no_plugins else plugins_without(session.without)
    settings = make_project(folder, Project(company, plugins, admin, admin_email, database))
    if session.as_json:
        session.show({"file": settings.file, "plugins": plugins, "administrator": admin})
        return
    session.say(
        translate(_("Made {folder} for {company}. {admin} is its administrator.")).format(
            folder=folder, company=company.name, admin=admin
        )
    )
    session.say(translate(_("Next: cd {folder} && crmkit doctor")).format(folder=shlex.quote(str(folder))))


def _check_database(url: str | None) -> None:
    from crmkit.core.configuration.settings import masked

    if url is not None and masked(url) != url:
        message = _("holds a password, which does not belong into crm.toml; set CRM_DATABASE_URL instead")
        raise click.BadParameter(translate(message), param_hint="--database")


def _name_of(folder: Path) -> str:
    words = folder.resolve().name.replace("-", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:] or "My company"


def _ask(question: str, default: str, check: str) -> str:
    """Ask where somebody sits at a terminal; elsewhere the default is taken."""
    if not sys.stdin.isatty():
        return default
    answer: str = click.prompt(translate(question), default=default, value_proc=_accepting(check), err=True)
    return answer
