"""``crmkit ledger``: whether anybody changed what happened."""

from __future__ import annotations

import click

from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.text import gettext as _, translate

__all__ = ["command"]


@click.group("ledger", help=COMMANDS["ledger"])
def command() -> None:
    """Group what concerns the ledger."""


@command.command("verify", help=_("Check every digest and every link of the ledger's chain."))
@click.pass_obj
def _verify(session: Session) -> None:
    from crmkit.core.ledger import verify_ledger

    crm = session.crm
    with crm.storage.reading() as connection:
        rows = verify_ledger(connection, crm.schema)
    session.show(
        {"rows": rows} if session.as_json else translate(_("The ledger is whole: {rows:,} rows.")).format(rows=rows)
    )
