"""``crmkit share``: showing records to a user or a team."""

from __future__ import annotations

from typing import Any

import click

from crmkit.cli.session import Session
from crmkit.core.text import gettext as _

__all__ = ["command"]


@click.command(
    "share",
    help=_(
        "Show RECORDS, numbers such as D-000123 or ids, to a person or a team. What is shared with them already gets "
        "this level and this end."
    ),
)
@click.argument("records", nargs=-1, required=True)
@click.option("--user", "person", metavar="PERSON", help=_("Share with this person."))
@click.option("--team", metavar="TEAM", help=_("Share with the people of this team."))
@click.option(
    "--level",
    type=click.Choice(["read", "write"]),
    default="read",
    show_default=True,
    help=_("What they may do: see, or change as well."),
)
@click.option("--until", metavar="DAY", help=_("The last day on which it counts, or a time with its offset."))
@click.pass_obj
def command(
    session: Session, records: tuple[str, ...], person: str | None, team: str | None, level: str, until: str | None
) -> None:
    """Share the records, all or none, and print with whom each is shared now."""
    from crmkit.cli.moments import end_of
    from crmkit.cli.records import find_record
    from crmkit.cli.shares import COLUMNS, find_holder, shares_of

    with session.writer() as db:
        holder = find_holder(db, person, team)
        end = end_of(until, db.access.time_zone) if until else None
        found = [find_record(db, session.crm.registry, reference) for reference in records]
        db.share_many(found, **holder, level=level, until=end)
        rows: list[dict[str, Any]] = [row for record in found for row in shares_of(db, record)]
    session.show(rows, columns=COLUMNS)
