"""What the commands about shares have in common."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import click

from crmkit.cli.people import find_team, find_user
from crmkit.cli.records import name_of
from crmkit.core.entity import Record
from crmkit.core.policy.people import Team, User
from crmkit.core.reading.reader import Reader
from crmkit.core.text import gettext as _, translate

__all__ = ["COLUMNS", "find_holder", "shares_of"]

COLUMNS = {
    "record": _("Record"),
    "user": _("Person"),
    "team": _("Team"),
    "level": _("Level"),
    "ends_at": _("Until"),
}


def find_holder(db: Reader, person: str | None, team: str | None) -> dict[str, UUID]:
    """Return with whom a command shares, as the verbs of a writer take it.

    Raises:
        click.UsageError: there is not exactly one of *person* and *team*.
        NotFoundError, AmbiguousNameError: nobody is called so, or several are.
    """
    if (person is None) == (team is None):
        raise click.UsageError(translate(_("Give --user PERSON or --team TEAM.")))
    return {"user": find_user(db, person).id} if person else {"team": find_team(db, str(team)).id}


def shares_of(db: Reader, record: Record) -> list[dict[str, Any]]:
    """Return a row for each share of *record* that may be told."""
    found = db.shares(record)
    users = db.get_many(User, [share.user_id for share in found if share.user_id])
    teams = db.get_many(Team, [share.team_id for share in found if share.team_id])
    return [
        {
            "record_id": record.id,
            "record": name_of(record),
            "user_id": share.user_id,
            "user": _name(users, share.user_id),
            "team_id": share.team_id,
            "team": _name(teams, share.team_id),
            "level": share.level,
            "ends_at": share.ends_at,
        }
        for share in found
    ]


def _name(records: dict[UUID, Any], id_: UUID | None) -> str | None:
    if id_ is None:
        return None
    return getattr(records.get(id_), "name", None) or str(id_)
