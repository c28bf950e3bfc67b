"""``crmkit backup``: the whole database in one encrypted file, while others go on."""

from __future__ import annotations

from pathlib import Path

import click

from crmkit.cli.backed_up import files_as_dict, tell_files
from crmkit.cli.keys import find_key, key_option
from crmkit.cli.progress import drawing, progress_option
from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.text import gettext as _, translate

__all__ = ["command"]


@click.command("backup", help=COMMANDS["backup"])
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--without-files", is_flag=True, help=_("Leave out what is inside files."))
@key_option
@progress_option
@click.pass_obj
def command(session: Session, file: Path, without_files: bool, key_file: Path | None, progress: bool | None) -> None:
    """Write FILE, which is complete or not there."""
    from crmkit.backup.making import make_backup

    key = find_key(session, key_file, is_new=True)
    with drawing(progress) as show:
        made = make_backup(session.crm, file, key, with_files=not without_files, show=show)
    if session.as_json:
        names = ("file", "size", "tables", "rows", "anchor")
        session.show({**{name: getattr(made, name) for name in names}, "files": files_as_dict(made.files)})
        return
    told = translate(_("{rows:,} rows of {tables} tables in {file}, {size:,} bytes. The ledger ends with {anchor}"))
    session.say(told.format(rows=made.rows, tables=made.tables, file=file, size=made.size, anchor=made.anchor))
    tell_files(session, made.files)
