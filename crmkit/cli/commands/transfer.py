"""``crmkit transfer``: giving records to somebody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from crmkit.cli.session import Session
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit import Reader, Record

__all__ = ["command"]


@click.command(
    "transfer",
    help=_("Give RECORDS, numbers such as D-000123 or ids, to somebody else. Stages and histories stay."),
)
@click.argument("records", nargs=-1)
@click.option("--to", "person", metavar="PERSON", required=True, help=_("The new owner."))
@click.option("--team", metavar="TEAM", help=_("The team that they belong to. Default: the new owner's home team."))
@click.option(
    "--where",
    nargs=2,
    metavar="ENTITY RULE",
    help=_("Give all records of an entity for which a rule holds, instead of those named."),
)
@click.option("--with-related", is_flag=True, help=_("Take along what hangs on them, such as open tasks."))
@click.option(
    "--keep",
    type=click.Choice(["read", "write"]),
    help=_("Share them with who had them, so that they stay in sight."),
)
@click.pass_obj
def command(
    session: Session,
    records: tuple[str, ...],
    person: str,
    team: str | None,
    where: tuple[str, str] | None,
    with_related: bool,
    keep: Any,
) -> None:
    """Transfer the records, all or none, and print how many were asked for."""
    from crmkit.cli.people import find_team, find_user

    if bool(records) == bool(where):
        raise click.UsageError(translate(_("Name RECORDS, or give --where ENTITY RULE.")))
    with session.writer() as db:
        owner, belongs_to = find_user(db, person).id, find_team(db, team).id if team else None
        found = _found(session, db, records, where)
        db.transfer_many(found, owner, team=belongs_to, with_related=with_related, keep=keep)
    session.show({"transferred": len(found)}, columns={"transferred": _("Records transferred")})


def _found(session: Session, db: Reader, records: tuple[str, ...], where: tuple[str, str] | None) -> list[Record]:
    from crmkit.cli.records import find_entity, find_record

    if where:
        return db.find(find_entity(session.crm.registry, where[0]).cls, where[1])
    return [find_record(db, session.crm.registry, reference) for reference in records]
