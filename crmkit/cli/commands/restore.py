"""``crmkit restore``: a backup into an empty database, or in the place of one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from crmkit.cli.backed_up import files_as_dict, tell_files
from crmkit.cli.keys import find_key, key_option
from crmkit.cli.progress import drawing, progress_option
from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.text import gettext as _, translate

__all__ = ["command"]


@click.command("restore", help=COMMANDS["restore"])
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help=_("Let the backup take the place of what is in the database."))
@click.option(
    "--erasures",
    "erasure_files",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help=_("Erase again what this file of crmkit privacy erasures names. May be given several times."),
)
@click.option("--without-files", is_flag=True, help=_("Leave what is inside files where it is now."))
@key_option
@progress_option
@click.pass_obj
def command(
    session: Session,
    file: Path,
    replace: bool,
    erasure_files: Sequence[Path],
    without_files: bool,
    key_file: Path | None,
    progress: bool | None,
) -> None:
    """Restore FILE, all of it or nothing."""
    from crmkit.backup.restoring import restore_backup
    from crmkit.core.privacy.tombstone_file import load_tombstones

    key = find_key(session, key_file)
    erasures = [stone for each in erasure_files for stone in load_tombstones(each)]
    with drawing(progress) as show:
        done = restore_backup(
            session.loaded,
            file,
            key,
            replace=replace,
            without=session.left_out,
            erasures=erasures,
            with_files=not without_files,
            show=show,
        )
    if done.erased and not done.pending:
        from crmkit.core.privacy.finishing import finish_erasures

        finish_erasures(session.crm)
    broken = str(done.broken) if done.broken else None
    if session.as_json:
        facts = ("created_at", "crmkit", "dialect", "tables", "rows", "anchor", "pending", "erased", "kept")
        session.show(
            {**{name: getattr(done, name) for name in facts}, "broken": broken, "files": files_as_dict(done.files)}
        )
        return
    told = translate(_("Restored {rows:,} rows of {tables} tables, as they were at {at}; every row was compared."))
    session.say(told.format(rows=done.rows, tables=done.tables, at=done.created_at))
    tell_files(session, done.files)
    if done.files is not None and not without_files:
        session.say(translate(_("{count:,} of them were restored.")).format(count=done.kept))
    if done.erased:
        if done.pending:
            told = translate(_("{count:,} records of it were erased since, and will be again by crmkit db apply."))
        else:
            told = translate(_("{count:,} records of it were erased since, and are again."))
        session.say(told.format(count=done.erased))
    if broken:
        session.warn(_("It was broken before it was backed up: {broken} See: crmkit verify"), broken=broken)
    if done.pending:
        session.say(translate(_("It is from an older version. Next: crmkit db plan, and crmkit db apply")))
