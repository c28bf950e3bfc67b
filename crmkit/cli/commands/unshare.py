"""``crmkit unshare``: ending what is shared."""

from __future__ import annotations

import click

from crmkit.cli.session import Session
from crmkit.core.text import gettext as _

__all__ = ["command"]


@click.command("unshare", help=_("End what is shared of RECORDS with a person or a team."))
@click.argument("records", nargs=-1, required=True)
@click.option("--user", "person", metavar="PERSON", help=_("Take it from this person."))
@click.option("--team", metavar="TEAM", help=_("Take it from the people of this team."))
@click.pass_obj
def command(session: Session, records: tuple[str, ...], person: str | None, team: str | None) -> None:
    """End the shares, all or none, and print how many there were."""
    from crmkit.cli.records import find_record
    from crmkit.cli.shares import find_holder

    with session.writer() as db:
        holder = find_holder(db, person, team)
        found = [find_record(db, session.crm.registry, reference) for reference in records]
        ended = db.unshare_many(found, **holder)
    session.show({"ended": ended}, columns={"ended": _("Shares that ended")})
