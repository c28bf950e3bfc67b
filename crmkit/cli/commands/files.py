"""``crmkit files``: what is inside files, against the records that name it."""

from __future__ import annotations

import click

from crmkit.cli.asking import confirm, dry_run, yes
from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.text import gettext as _, translate

__all__ = ["command"]


@click.group("files", help=COMMANDS["files"])
def command() -> None:
    """Group what concerns the content of files."""


@command.command("sweep", help=_("Delete the content that no record has, as workers do every night."))
@dry_run
@yes
@click.pass_obj
def _sweep(session: Session, dry_run: bool, yes: bool) -> None:
    """Print what is swept; what was put in the last 24 hours stays."""
    from crmkit.core.content.sweeping import sweep

    if not dry_run:
        confirm(session, yes, translate(_("Delete the content that crmkit files sweep --dry-run shows?")))
    with session.trusted() as db:
        swept = sweep(db.model, db.connection, session.crm.contents, dry_run=dry_run)
    if session.as_json:
        session.show({"hashes": swept.hashes, "deleted": swept.is_deleted})
        return
    for hash_ in swept.hashes:
        session.say(hash_)
    if swept.is_deleted:
        told = translate(_("{count:,} contents deleted."))
    else:
        told = translate(_("{count:,} contents would be deleted."))
    session.say(told.format(count=len(swept.hashes)))


@command.command("lost", help=_("List the records whose content is missing. Exit code 1 says that there are some."))
@click.pass_obj
def _lost(session: Session) -> None:
    """Print rows; whether content that is there is whole says ``crmkit verify``."""
    from crmkit.core.content.sweeping import lost_content

    with session.trusted() as db:
        rows = list(lost_content(db.model, db.connection, session.crm.contents))
    found = [{"table": each.table, "row": each.row, "hash": each.hash} for each in rows]
    if found or session.as_json:
        headings = {"table": _("Table"), "row": _("Row"), "hash": _("Hash")}
        session.show(found, columns={name: translate(text) for name, text in headings.items()})
    else:
        session.say(translate(_("No content is missing.")))
    if found:
        click.get_current_context().exit(1)
