"""``crmkit export``: records out, as far as the acting person may read and export them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from crmkit.cli.progress import drawing, progress_option
from crmkit.cli.session import Session
from crmkit.core.text import gettext as _, translate

__all__ = ["command"]

_STDOUT = Path("-")


@click.command("export", help=_("Export the records of ENTITY, such as sales.deal, to a file or to standard output."))
@click.argument("entity")
@click.option("--where", metavar="RULE", help=_("Only records for which this rule holds, such as: stage == 'won'"))
@click.option("--fields", metavar="NAMES", help=_("Names of fields, with commas, such as: name,company.name"))
@click.option("--order-by", metavar="NAMES", help=_("Names of fields, with commas; - in front descends."))
@click.option("--format", "format", type=click.Choice(["csv", "xlsx", "jsonl"]), help=_("Default: the file's ending."))
@click.option("-o", "--output", type=click.Path(path_type=Path), default=_STDOUT, help=_("The file to write."))
@progress_option
@click.pass_obj
def command(
    session: Session,
    entity: str,
    where: str | None,
    fields: str | None,
    order_by: str | None,
    format: str | None,
    output: Path,
    progress: bool | None,
) -> None:
    """Write the records; a file is complete or not there."""
    from crmkit.cli.records import find_entity
    from crmkit.transfer.exporting import export

    cls = find_entity(session.crm.registry, entity).cls
    target: Path | IO[bytes] = sys.stdout.buffer if output == _STDOUT else output
    if output == _STDOUT:
        format = format or ("jsonl" if session.as_json else "csv")
        if format == "xlsx" and sys.stdout.isatty():
            raise click.BadParameter(translate(_("a workbook is nothing for a terminal")), param_hint="--output")
    with _read_to_its_end(output), drawing(progress) as show, session.reader() as db:
        rows = export(
            db,
            cls,
            target,
            where=where,
            fields=_names(fields),
            order_by=_names(order_by),
            format=format,
            show=show,
        )
    if output == _STDOUT:
        return
    if session.as_json:
        session.show({"entity": entity, "file": output, "rows": rows})
    else:
        session.say(translate(_("{rows:,} records in {file}.")).format(rows=rows, file=output))


@contextmanager
def _read_to_its_end(output: Path) -> Iterator[None]:
    """End the command well where whoever reads standard output has seen enough, as ``| head`` has."""
    try:
        yield
    except BrokenPipeError:
        if output != _STDOUT:
            raise
        # Python would try again to write what is left when it ends, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        click.get_current_context().exit()


def _names(given: str | None) -> list[str] | None:
    return [name.strip() for name in given.split(",") if name.strip()] if given else None
