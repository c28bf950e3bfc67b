"""``crmkit import``: files in, as a plan says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from crmkit.cli.progress import drawing, progress_option
from crmkit.cli.session import Session
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit.transfer.plan import ImportPlan
    from crmkit.transfer.report import ImportReport

__all__ = ["command"]


@click.command(
    "import",
    help=_("Import files as a plan says. Rows that are refused go to error files: correct them and run again."),
)
@click.option("--plan", "plan_file", required=True, type=click.Path(path_type=Path), help=_("The plan, a TOML file."))
@click.option(
    "--source",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help=_("The folder with the files, or one file of the plan, or an error file."),
)
@click.option("--step", "steps", multiple=True, metavar="NAME", help=_("Run this step only. May be repeated."))
@click.option("--dry-run", is_flag=True, help=_("Report what would happen, and write nothing."))
@click.option(
    "--errors",
    type=click.Path(file_okay=False, path_type=Path),
    help=_("Folder for error files. Default: beside the source, or this folder where that may not be written to."),
)
@click.option(
    "--duplicates",
    type=click.Path(dir_okay=False, path_type=Path),
    help=_(
        "Write pairs of new records and those that they likely are into this CSV file, where the plan looks for them."
    ),
)
@progress_option
@click.pass_obj
def command(
    session: Session,
    plan_file: Path,
    source: Path,
    steps: tuple[str, ...],
    dry_run: bool,
    errors: Path | None,
    duplicates: Path | None,
    progress: bool | None,
) -> None:
    """Run the plan as the acting person; exit code 1 says that rows were refused."""
    from crmkit.transfer.importing import run_import
    from crmkit.transfer.plan_file import read_plan

    plan = _only(read_plan(plan_file), steps)
    if errors is not None and not dry_run:
        errors.mkdir(parents=True, exist_ok=True)
    with _stoppable(session, dry_run), drawing(progress) as show:
        report = run_import(
            session.crm,
            session.principal,
            plan,
            source,
            dry_run=dry_run,
            errors=None if dry_run else errors or _folder_for_errors(source),
            duplicates=duplicates,
            show=show,
            cause=session.cause,
        )
    _tell(session, report)
    if report.rejected:
        click.get_current_context().exit(1)


def _only(plan: ImportPlan, names: tuple[str, ...]) -> ImportPlan:
    known = [step.name for step in plan.steps]
    for name in names:
        if name not in known:
            message = translate(_("{name!r} is no step of this plan. Steps: {known}"))
            raise click.BadParameter(message.format(name=name, known=", ".join(known)), param_hint="--step")
    return attrs.evolve(plan, steps=tuple(s for s in plan.steps if s.name in names)) if names else plan


def _folder_for_errors(source: Path) -> Path:
    """Return the folder of *source*, where one may write; exports often lie where one may only read."""
    beside = source if source.is_dir() else source.parent
    return beside if os.access(beside, os.W_OK) else Path()


@contextmanager
def _stoppable(session: Session, dry_run: bool) -> Iterator[None]:
    """Tell whoever stops the run that it can go on."""
    try:
        yield
    except KeyboardInterrupt:
        if not dry_run:
            session.warn(_("Stopped. The same command goes on after the last whole batch."))
        raise


def _tell(session: Session, report: ImportReport) -> None:
    if session.as_json:
        session.show(report.as_dict())
        return
    columns = {
        "name": _("Step"),
        "file": _("File"),
        "rows": _("Rows"),
        "created": _("Created"),
        "updated": _("Updated"),
        "unchanged": _("Unchanged"),
        "skipped": _("Skipped"),
        "rejected": _("Refused"),
    }
    if any(step.duplicates for step in report.steps):
        columns["duplicates"] = _("Likely duplicates")
    session.show([attrs.asdict(step) for step in report.steps], columns=columns)
    if report.resumed:
        session.say(translate(_("Went on where an earlier run had stopped.")))
    if report.dry_run:
        session.say(translate(_("A dry run: nothing was written.")))
    for problem in report.problems:
        session.say(str(problem))
    if report.rejected > len({(problem.facts["file"], problem.facts["line"]) for problem in report.problems}):
        # The report keeps the first problems alone.
        session.say("…")
    if report.rejected:
        session.say(translate(_("{count:,} rows were refused.")).format(count=report.rejected))
    for file in report.files:
        if file.errors:
            session.say(translate(_("Correct {errors} and import it alone.")).format(errors=file.errors))
