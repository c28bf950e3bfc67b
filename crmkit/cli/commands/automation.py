"""``crmkit automation``: show automations, make them, try them on what has happened, switch them on and off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

import click

from crmkit.cli.asking import confirm, yes
from crmkit.cli.automations import read_automation, told_automation
from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit import AutomationRecord, Writer

__all__ = ["command"]

_NAME = _("Name")
_COLUMNS = {
    "name": _NAME,
    "entity": _("Entity"),
    "on": _("Set off by"),
    "is_active": _("Active"),
    "runs_as": _("Acts as"),
    "note": _("Note"),
}


@click.group("automation", help=COMMANDS["automation"])
def command() -> None:
    """Group what concerns automations."""


@command.command("list", help=_("List the automations, those of plugins included."))
@click.pass_obj
def _list(session: Session) -> None:
    from crmkit import User, automations_of

    with session.reader() as db:
        found = automations_of(db)
        users = db.get_many(User, [each.runs_as for each in found if each.runs_as is not None])
    rows = [
        {
            "name": each.id,
            "entity": each.entity,
            "on": told_automation(each)["trigger"]["on"],
            "is_active": each.is_active,
            "runs_as": "system" if each.runs_as is None else getattr(users.get(each.runs_as), "name", each.runs_as),
            "note": each.note,
        }
        for each in found
    ]
    session.show(rows, columns=_COLUMNS)


@command.command("show", help=_("Show the automation NAME; with --json as a definition that can be edited and added."))
@click.argument("name")
@click.pass_obj
def _show(session: Session, name: str) -> None:
    from crmkit import find_automation

    with session.reader() as db:
        session.show(told_automation(find_automation(db, name)))


def _told(record: AutomationRecord) -> dict[str, Any]:
    return {"name": record.name, "entity": record.entity, "is_active": record.is_active}


_KEPT: Mapping[str, Any] = {"name": _NAME, "entity": _("Entity"), "is_active": _("Active")}


@command.command("add", help=_("Keep the automation in FILE (TOML or JSON, - for standard input) under its name."))
@click.argument("file", type=click.File(encoding="utf-8"))
@click.pass_obj
def _add(session: Session, file: TextIO) -> None:
    from crmkit import save_automation

    with session.writer() as db:
        session.show(_told(save_automation(db, *read_automation(db, file.read()))), columns=_KEPT)


class _UndoneError(Exception):
    """Ends a block whose writes are not to be kept."""


@contextmanager
def _undone(db: Writer) -> Iterator[None]:
    try:
        with db.attempt():
            yield
            raise _UndoneError
    except _UndoneError:
        return


@command.command("check", help=_("Say whether the automation in FILE could be added; nothing is written."))
@click.argument("file", type=click.File(encoding="utf-8"))
@click.pass_obj
def _check(session: Session, file: TextIO) -> None:
    from crmkit import save_automation

    with session.writer() as db, _undone(db):
        session.show(_told(save_automation(db, *read_automation(db, file.read()))), columns=_KEPT)


def _switch(session: Session, name: str, *, on: bool) -> None:
    from crmkit import switch_automation

    with session.writer() as db:
        session.show(_told(switch_automation(db, name, on=on)), columns=_KEPT)


@command.command("on", help=_("Switch the automation NAME on: what is written from now on sets it off."))
@click.argument("name")
@click.pass_obj
def _on(session: Session, name: str) -> None:
    _switch(session, name, on=True)


@command.command("off", help=_("Switch the automation NAME off."))
@click.argument("name")
@click.pass_obj
def _off(session: Session, name: str) -> None:
    _switch(session, name, on=False)


@command.command("remove", help=_("Remove the automation NAME; no upgrade brings one back that a plugin ships."))
@click.argument("name")
@yes
@click.pass_obj
def _remove(session: Session, name: str, yes: bool) -> None:
    from crmkit import remove_automation

    confirm(session, yes, translate(_("Remove the automation {name}?")).format(name=name))
    with session.writer() as db:
        remove_automation(db, name)


_OUTCOME = {"at": _("At"), "record": _("Record"), "outcome": _("Outcome"), "wrote": _("Wrote"), "error": _("Error")}


def _wrote(as_json: bool, wrote: Any) -> Any:
    return wrote if as_json else ", ".join(f"{each['kind']} {each['entity']}" for each in wrote)


@command.command("try", help=_("Say what the automation NAME would have done; nothing is written."))
@click.argument("name")
@click.option("--since", required=True, metavar="WHEN", help=_("What happened from this day or moment on."))
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help=_("How many at most."))
@click.pass_obj
def _try(session: Session, name: str, since: str, limit: int) -> None:
    from crmkit.cli.flow import moment_of

    moment = moment_of(since, session.zone, start=True)
    told = session.crm.try_automation(name, asker=session.principal, since=moment, limit=limit)
    rows = [
        {
            "at": each.at,
            "occasion": each.occasion,
            "record": each.record_id,
            "outcome": each.outcome,
            "wrote": _wrote(session.as_json, each.wrote),
            "error": each.error,
        }
        for each in told
    ]
    session.show(rows, columns=_OUTCOME)


@command.command("runs", help=_("List the latest runs of the automation NAME, or of all, the newest first."))
@click.argument("name", required=False)
@click.option("--failed", is_flag=True, help=_("Only those that failed."))
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help=_("How many at most."))
@click.pass_obj
def _runs(session: Session, name: str | None, failed: bool, limit: int) -> None:
    from crmkit import AutomationRun

    f: Any = AutomationRun.f
    wanted = f.outcome == "failed" if failed else None
    if name is not None:
        wanted = f.automation == name if wanted is None else wanted & (f.automation == name)
    with session.reader() as db:
        found = db.find(AutomationRun, wanted, order_by=("-ran_at", "-id"), limit=limit)
    rows = [
        {
            "automation": run.automation,
            "at": run.ran_at,
            "occasion": run.occasion,
            "record": f"{run.entity}/{run.record_id}",
            "outcome": run.outcome,
            "tries": run.tries,
            "wrote": _wrote(session.as_json, run.wrote),
            "error": run.error,
        }
        for run in found
    ]
    session.show(rows, columns={"automation": _("Automation"), "occasion": _("Occasion"), **_OUTCOME})
