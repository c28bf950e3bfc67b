"""``crmkit demo``: a company to look at, with believable data from every plugin."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crmkit.cli.glimpse import machine_locale
from crmkit.cli.progress import drawing, progress_option
from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.configuration.file import FILE
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit.core.crm import CRM
    from crmkit.core.policy.people import User
    from crmkit.core.progress import Show

__all__ = ["command"]

_YEARS = timedelta(days=730)


@click.command("demo", help=COMMANDS["demo"])
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default="demo")
@click.option("--scale", type=click.FloatRange(0.001, 10), default=1.0, help=_("How large the company is; 1 is usual."))
@click.option("--seed", type=int, default=7, help=_("Another number makes another company."))
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help=_("The day on which its two years end."))
@click.option(
    "--serve/--no-serve",
    "serves",
    default=None,
    help=_("Then serve it, until told to stop. Default: if a terminal shows what is printed."),
)
@click.option("--background", is_flag=True, help=_("Then serve it by a process that goes on."))
@progress_option
@click.pass_obj
def command(
    session: Session,
    folder: Path,
    scale: float,
    seed: int,
    until: datetime | None,
    serves: bool | None,
    background: bool,
    progress: bool | None,
) -> None:
    """Make the company, unless it is there already, show it, and open its doors."""
    if (folder / FILE).is_file():
        session.warn(_("{folder} holds a CRM already, which is shown as it is."), folder=folder)
    else:
        # The hour does not count: what is made on one day is the same.
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        end = until.replace(tzinfo=UTC) if until else today
        with drawing(progress) as show:
            _make(session, folder, end, scale, seed, show)
    session.use(str(folder / FILE))
    shown = _look(session)
    if session.as_json:
        session.show({"folder": folder.resolve(), **shown})
        return
    _tell(session, folder, shown)
    if background or serves or (serves is None and sys.stdout.isatty()):
        _open_doors(session, folder, background)


def _open_doors(session: Session, folder: Path, background: bool) -> None:
    from crmkit.cli.demo.doors import serve_behind, serve_here, tell_entrances

    people = [*_three(session)[:2], *_administrator(session)]
    tell_entrances(session, people, "sales/deals" if _has_sales(session) else "core/users")
    if background:
        serve_behind(session, folder)
    else:
        serve_here()


def _make(session: Session, folder: Path, end: datetime, scale: float, seed: int, show: Show | None) -> None:
    from crmkit.cli.demo.history import create_demo
    from crmkit.cli.project import Project, make_project, plugins_without
    from crmkit.core.clock import FixedClock
    from crmkit.core.configuration.config import Company
    from crmkit.core.progress import Meter

    clock = FixedClock(end - _YEARS)
    locale = session.locale or machine_locale()
    company = Company(name="Brandt Pumpen", currency="EUR", time_zone="Europe/Berlin", locale=locale)
    plugins = [] if session.no_plugins else plugins_without(session.without)
    # What was never enabled cannot be left out again.
    session.without = ()

    def fill(crm: CRM) -> None:
        meter = Meter(show, translate(_("days")))
        create_demo(crm, clock, until=end, seed=seed, scale=scale, progress=lambda n, of: meter.advance(1, n / of))
        meter.finish()

    make_project(folder, Project(company, plugins, "Administrator"), clock=clock, fill=fill)


def _look(session: Session) -> dict[str, Any]:
    """Return who was chosen to look, and how many records of each kind they see."""
    from crmkit import Principal

    crm = session.crm
    people = _three(session)
    entities = [info for info in crm.registry.entities.values() if info.owned]
    with session.trusted() as db:
        rows = [{"entity": info.id, "label": info.label, "all": db.count(info.cls)} for info in entities]
    for user in people:
        with crm.read(Principal(user.id, user.name)) as db:
            for row, info in zip(rows, entities, strict=True):
                row[user.name] = db.count(info.cls)
    return {"people": [user.name for user in people], "sees": [row for row in rows if row["all"]]}


def _administrator(session: Session) -> list[User]:
    """Return somebody who administers the company, and has an address to sign in with."""
    from crmkit import Assignment, User

    with session.trusted() as db:
        held = db.find(Assignment, Assignment.f.role == "core.administrator", order_by="created_at")
        users = db.get_many(User, [each.user_id for each in held]).values()
    return [user for user in users if user.email][:1]


def _three(session: Session) -> list[User]:
    """Return somebody at the bottom of the tree of teams, somebody in its middle, and somebody at its top."""
    from crmkit import Team, User

    with session.trusted() as db:
        teams = {team.id: team for team in db.find(Team)}
        users = [user for user in db.find(User, "is_active", order_by="created_at") if user.team_id in teams]

    def depth(user: User) -> int:
        team, steps = teams[user.team_id], 0  # type: ignore[index]
        while team.parent_id is not None:
            team, steps = teams[team.parent_id], steps + 1
        return steps

    by_depth: dict[int, list[User]] = {}
    for user in users:
        by_depth.setdefault(depth(user), []).append(user)
    # The last one of the deepest team joined after its manager: somebody who sells.
    chosen = [by_depth[level][-1 if level == max(by_depth) else 0] for level in sorted(by_depth, reverse=True)]
    return chosen[:3]


def _tell(session: Session, folder: Path, shown: dict[str, Any]) -> None:
    _funnel(session)
    people = shown["people"]
    session.say(translate(_("What three different people see:")))
    columns = {"label": translate(_("Records")), **{name: name for name in people}, "all": translate(_("All"))}
    session.show(shown["sees"], columns=columns)
    session.say("\n" + translate(_("What to try next:")))
    for line in _next(session, folder, shown["people"]):
        session.say(f"  {line}")


def _next(session: Session, folder: Path, people: list[str]) -> Iterator[str]:
    """Yield commands that can be typed as they stand."""
    if shutil.which("crmkit") is None and (scripts := Path(sys.prefix) / "bin" / "activate").is_file():
        # It was started by its path, as by make.
        yield f"source {shlex.quote(os.path.relpath(scripts))}"
    yield f"cd {shlex.quote(str(folder))}"
    yield "crmkit team list"
    if people and _has_sales(session):
        yield f'crmkit sales funnel --as "{people[0]}"'
        yield f'crmkit explain "{people[0]}" read D-000001'
        yield "crmkit export sales.deal --where \"stage == 'won'\" -o won.xlsx"
    yield "crmkit serve"
    yield "crmkit --help"


def _has_sales(session: Session) -> bool:
    return "sales" in {plugin.name for plugin in session.crm.plugins}


def _funnel(session: Session) -> None:
    """Run the command ``sales funnel``, if that plugin takes part, as the administrator."""
    from crmkit.cli.groups import import_group

    if not _has_sales(session):
        return
    found = import_group("sales")
    if found is not None and "funnel" in found.group.commands:
        context = click.get_current_context()
        context.invoke(found.group.commands["funnel"])
        session.say("")
