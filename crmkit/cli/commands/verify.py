"""``crmkit verify``: whether database and files still are what crmkit wrote, or a backup what was backed up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crmkit.cli.backed_up import files_as_dict, tell_files
from crmkit.cli.keys import find_key, key_option
from crmkit.cli.progress import drawing, progress_option
from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit.core.verifying import Finding

__all__ = ["command"]


@click.command("verify", help=COMMANDS["verify"])
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--anchor", metavar="ROW:CHAIN", help=_("Also check that the chain goes through what crmkit ledger head printed.")
)
@click.option("--without-files", is_flag=True, help=_("Do not read what is inside files."))
@key_option
@progress_option
@click.pass_obj
def command(
    session: Session,
    file: Path | None,
    anchor: str | None,
    without_files: bool,
    key_file: Path | None,
    progress: bool | None,
) -> None:
    """Check the database, or with FILE a backup; exit code 1 says that something is wrong."""
    if file is None:
        _verify_database(session, anchor, progress, with_files=not without_files)
    elif without_files:
        raise click.UsageError(translate(_("--without-files is for the database; a backup is checked whole.")))
    elif anchor is not None:
        raise click.UsageError(translate(_("--anchor is for the database; restore the backup to check its ledger.")))
    else:
        _verify_backup(session, file, key_file, progress)


def _verify_backup(session: Session, file: Path, key_file: Path | None, progress: bool | None) -> None:
    from crmkit.backup.reading import check_backup

    key = find_key(session, key_file)
    with drawing(progress) as show:
        checked = check_backup(file, key, show=show)
    manifest = checked.manifest
    rows = sum(table.rows for table in manifest.tables)
    if session.as_json:
        names = ("crmkit", "created_at", "dialect", "company", "currency", "plugins", "revisions", "anchor")
        tables = {table.name: table.rows for table in manifest.tables}
        session.show(
            {
                **{name: getattr(manifest, name) for name in names},
                "tables": tables,
                "rows": rows,
                "files": files_as_dict(checked.files),
            }
        )
        return
    told = translate(_("The backup is whole: {rows:,} rows of {tables} tables, as they were at {at}."))
    session.say(told.format(rows=rows, tables=len(manifest.tables), at=manifest.created_at))
    tell_files(session, checked.files)


def _verify_database(session: Session, anchor: str | None, progress: bool | None, *, with_files: bool) -> None:
    """Print each finding with its row and what mends it."""
    from crmkit.core.verifying import examine
    from crmkit.core.verifying.ledger import Anchor

    kept = Anchor.parse(anchor) if anchor else None
    with session.trusted() as db:
        model = db.model
    with drawing(progress) as show, session.crm.storage.snapshot() as connection:
        contents = session.crm.contents if with_files else None
        findings = list(examine(model, connection, anchor=kept, contents=contents, show=show))
    for finding in findings:
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
