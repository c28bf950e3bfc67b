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
    from crmkit.core.verifying.ledger import verify_ledger

    crm = session.crm
    with crm.storage.snapshot() as connection:
        rows = verify_ledger(connection, crm.schema)
    session.show(
        {"rows": rows} if session.as_json else translate(_("The ledger is whole: {rows:,} rows.")).format(rows=rows)
    )


@command.command("head", help=_("Print the newest link of the chain, to be kept elsewhere: crmkit verify --anchor."))
@click.pass_obj
def _head(session: Session) -> None:
    from crmkit.core.verifying.ledger import read_head

    crm = session.crm
    with crm.storage.snapshot() as connection:
        head = read_head(connection, crm.schema)
    session.show({"row": head.row, "chain": head.chain.hex(), "anchor": str(head)} if session.as_json else str(head))
