"""``crmkit jobs``: what is to be done, what failed, and having it done again or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args
from uuid import UUID

import click

from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.jobs.lease import State
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit.core.jobs.door import JobView

__all__ = ["command"]

_COLUMNS = {
    "id": _("Id"),
    "name": _("Name"),
    "state": _("State"),
    "run_at": _("Due"),
    "tries": _("Tries"),
    "progress": _("Progress"),
    "error": _("Error"),
}


@click.group("jobs", help=COMMANDS["jobs"])
def command() -> None:
    """Group what concerns jobs."""


@command.command("list", help=_("List deliveries, jobs and schedules, those that are due last first."))
@click.option("--state", type=click.Choice(get_args(State)), help=_("Only those in this state."))
@click.option("--name", help=_("Only those of this subscriber, job or schedule."))
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help=_("At most so many."))
@click.pass_obj
def _list(session: Session, state: State | None, name: str | None, limit: int) -> None:
    with session.reader() as db:
        found = db.jobs.find(state=state, name=name, limit=limit)
    _show(session, found)


@command.command("show", help=_("Show everything about one, the error in full to those who may read everything."))
@click.argument("id_", metavar="ID", type=click.UUID)
@click.pass_obj
def _show_one(session: Session, id_: UUID) -> None:
    with session.reader() as db:
        session.show(_as_dict(db.jobs.get(id_)))


@command.command("retry", help=_("Have parked or cancelled work done again; with --state all that is in that state."))
@click.argument("ids", metavar="[ID]...", nargs=-1, type=click.UUID)
@click.option("--state", type=click.Choice(["dead", "cancelled"]), help=_("All that is in this state."))
@click.option("--name", help=_("With --state: only those of this subscriber or job."))
@click.pass_obj
def _retry(session: Session, ids: tuple[UUID, ...], state: State | None, name: str | None) -> None:
    if bool(ids) == bool(state):
        raise click.UsageError(translate(_("Give either ids or --state.")))
    with session.writer() as db:
        wanted = ids or [found.id for found in db.jobs.find(state=state, name=name, limit=100_000)]
        done = [db.jobs.retry(id_) for id_ in wanted]
    _show(session, done)


@command.command("cancel", help=_("Have work not done; whoever does it already stops at the next sign of life."))
@click.argument("ids", metavar="ID...", nargs=-1, required=True, type=click.UUID)
@click.pass_obj
def _cancel(session: Session, ids: tuple[UUID, ...]) -> None:
    with session.writer() as db:
        done = [db.jobs.cancel(id_) for id_ in ids]
    _show(session, done)


def _show(session: Session, found: list[JobView]) -> None:
    rows = [_as_dict(job) for job in found]
    if not session.as_json:
        rows = [{**row, **_in_words(row)} for row in rows]
    session.show(rows, columns=_COLUMNS)


def _as_dict(job: JobView) -> dict[str, Any]:
    import attrs

    return attrs.asdict(job)


def _in_words(row: dict[str, Any]) -> dict[str, str | None]:
    progress, far = row["progress"], None
    if progress is not None:
        far = f"{progress['done']} / {progress['total']}" if progress["total"] else str(progress["done"])
    return {"tries": f"{row['attempts']} / {row['tries']}", "progress": far}
