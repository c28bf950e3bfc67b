"""``crmkit team``: teams, which form a tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit import Team, User

__all__ = ["command"]


@click.group("team", help=COMMANDS["team"])
def command() -> None:
    """Group what concerns teams."""


@command.command("list", help=_("List the teams as a tree, with their people."))
@click.pass_obj
def _list(session: Session) -> None:
    from crmkit import Team, User

    with session.reader() as db:
        teams, users = db.find(Team, order_by="name"), db.find(User, "is_active", order_by="name")
    rows = list(_tree(teams, users, None, 0))
    if not session.as_json:
        rows = [{**row, "name": "  " * row["level"] + row["name"]} for row in rows]
    session.show(rows, columns={"name": _("Team"), "people": _("People")})


def _tree(teams: list[Team], users: list[User], parent: Any, level: int) -> Iterator[dict[str, Any]]:
    known = {team.id for team in teams}
    for team in teams:
        # A team whose parent is not visible stands at the top.
        if (team.parent_id if team.parent_id in known else None) == parent:
            people = [user.name for user in users if user.team_id == team.id]
            yield {"id": team.id, "name": team.name, "parent_id": team.parent_id, "level": level, "people": people}
            yield from _tree(teams, users, team.id, level + 1)


@command.command("create", help=_("Create a team."))
@click.argument("name")
@click.option("--parent", metavar="TEAM", help=_("The team above it: its name or id."))
@click.pass_obj
def _create(session: Session, name: str, parent: str | None) -> None:
    from crmkit import Team
    from crmkit.cli.people import find_team

    with session.writer() as db:
        above = find_team(db, parent) if parent else None
        team = db.create(Team(name=name, parent_id=above.id if above else None))
    made = {"id": team.id, "name": team.name, "parent_id": team.parent_id, "parent": above.name if above else None}
    _show_team(session, made)


@command.command("move", help=_("Hang a TEAM under another one, or under none."))
@click.argument("team")
@click.option("--under", metavar="TEAM", help=_("The team above it. Default: none."))
@click.pass_obj
def _move(session: Session, team: str, under: str | None) -> None:
    from crmkit.cli.people import find_team

    with session.writer() as db:
        above = find_team(db, under) if under else None
        moved = db.update(find_team(db, team), parent_id=above.id if above else None)
    _show_team(
        session,
        {"id": moved.id, "name": moved.name, "parent_id": moved.parent_id, "parent": above.name if above else None},
    )


def _show_team(session: Session, team: dict[str, Any]) -> None:
    session.show(team, columns={"id": _("Id"), "name": _("Name"), "parent": _("Parent team")})
