"""``crmkit verify``: whether the database still is what crmkit wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit.core.verifying import Finding

__all__ = ["command"]


@click.command("verify", help=COMMANDS["verify"])
@click.option(
    "--anchor", metavar="ROW:CHAIN", help=_("Also check that the chain goes through what crmkit ledger head printed.")
)
@click.pass_obj
def command(session: Session, anchor: str | None) -> None:
    """Print each finding with its row and what mends it; exit code 1 says that there is one."""
    from crmkit.core.verifying import examine
    from crmkit.core.verifying.ledger import Anchor

    kept = Anchor.parse(anchor) if anchor else None
    findings = []
    with session.crm.storage.snapshot() as connection:
        for finding in examine(session.crm.model, connection, anchor=kept):
            findings.append(finding)
            session.say(f"{finding.check:<10} {finding.table} {finding.row}: {finding.sentence}")
            session.say(f"{'':<10} → {finding.advice}")
    if session.as_json:
        told = ({**_place(f), "message": f.sentence, "mend": f.advice} for f in findings)
        session.show(list(told))
    elif not findings:
        session.say(translate(_("The database is what crmkit wrote.")))
    if findings:
        click.get_current_context().exit(1)


def _place(finding: Finding) -> dict[str, str]:
    return {"check": finding.check, "table": finding.table, "row": finding.row}
