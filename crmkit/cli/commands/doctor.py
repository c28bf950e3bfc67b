"""``crmkit doctor``: whether everything is as it should be."""

from __future__ import annotations

import click

from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.text import gettext as _, translate

__all__ = ["command"]

_STATUS = {"ok": _("ok"), "warn": _("warn"), "fail": _("FAIL")}


@click.command("doctor", help=COMMANDS["doctor"])
@click.option("--full", is_flag=True, help=_("Also read the whole ledger and the whole database."))
@click.pass_obj
def command(session: Session, full: bool) -> None:
    """Print one line for each check; exit code 1 says that something must be mended."""
    from crmkit.cli.checkup import examine

    findings = []
    for finding in examine(session, full=full):
        findings.append(finding)
        status = translate(_STATUS[finding.status])
        session.say(f"{status:<5} {finding.check:<11} {finding.sentence}")
        if finding.advice:
            session.say(f"{'':<17} → {finding.advice}")
    if session.as_json:
        session.show(
            [{"check": f.check, "status": f.status, "message": f.sentence, "todo": f.advice} for f in findings]
        )
    if any(finding.status == "fail" for finding in findings):
        click.get_current_context().exit(1)
