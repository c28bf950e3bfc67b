"""The commands ``crmkit workspace …``; what a session has says :mod:`crmkit.plugins.sales.commands`."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from crmkit import translate, translator

from . import services

__all__ = ["cli"]

_ = translator(__package__)

_BECAME = {
    "made": _("Made"),
    "updated": _("Updated"),
    "cancelled": _("Cancelled"),
    "unchanged": _("Unchanged"),
    "refused": _("Refused"),
}
_DAY = click.DateTime(["%Y-%m-%d"])


@click.group("workspace", help=_("Take calendars in and out."))
def cli() -> None:
    """Hold the commands."""


@cli.command("export-calendar", help=_("Write your meetings and tasks to an iCalendar file."))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--from", "first", type=_DAY, help=_("The first day; 30 days ago if left out."))
@click.option("--to", "last", type=_DAY, help=_("The last day; in a year if left out."))
@click.pass_obj
def export_calendar(session: Any, file: Path, first: datetime | None, last: datetime | None) -> None:
    """Write FILE, which is complete or what it was before."""
    with session.reader() as db:
        zone = ZoneInfo(db.access.time_zone)
        today = db.moment.now.astimezone(zone).date()
        start = _midnight(first.date() if first else today - timedelta(days=30), zone)
        end = _midnight((last.date() if last else today + timedelta(days=365)) + timedelta(days=1), zone)
        written = services.export_calendar(db, start, end)
    partial = file.with_name(f"{file.name}.partial")
    partial.write_bytes(written)
    os.replace(partial, file)
    counts = {"meetings": written.count(b"BEGIN:VEVENT"), "tasks": written.count(b"BEGIN:VTODO")}
    if session.as_json:
        session.show({"file": str(file), "size": len(written), **counts})
        return
    session.say(translate(_("{meetings} events and {tasks} tasks in {file}")).format(file=file, **counts))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


@cli.command("import-calendar", help=_("Take over the meetings and tasks of an iCalendar file, as often as you like."))
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.pass_obj
def import_calendar(session: Any, file: Path) -> None:
    """Import FILE; exit code 1 says that something in it was refused."""
    done = services.import_calendar(session.writer, file.read_bytes())
    counts = {name: getattr(done, name) for name in _BECAME} | {"refused": len(done.refused)}
    if session.as_json:
        refused = [{"uid": each.uid, "title": each.title, "reason": each.reason} for each in done.refused]
        session.show({**counts, "refused": refused})
    else:
        session.show([counts], columns={key: translate(heading) for key, heading in _BECAME.items()})
        for each in done.refused:
            session.say(f"{each.title or each.uid}: {each.reason}")
    if done.refused:
        click.get_current_context().exit(1)
