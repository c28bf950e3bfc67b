"""``crmkit shares``: with whom a record is shared."""

from __future__ import annotations

import click

from crmkit.cli.session import Session
from crmkit.core.text import gettext as _

__all__ = ["command"]


@click.command("shares", help=_("List with whom RECORD is shared, as far as the acting person may know."))
@click.argument("record")
@click.pass_obj
def command(session: Session, record: str) -> None:
    """Print the shares of one record."""
    from crmkit.cli.records import find_record
    from crmkit.cli.shares import COLUMNS, shares_of

    with session.reader() as db:
        rows = shares_of(db, find_record(db, session.crm.registry, record))
    session.show(rows, columns=COLUMNS)
