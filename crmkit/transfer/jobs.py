"""Exports and imports as jobs do them: with the rights of who asked, seen while they run, cancelled, and resumed."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from time import monotonic, time
from typing import IO, Any, cast

import attrs

from crmkit.core.content.errors import ContentMissingError
from crmkit.core.content.kinds import plain_name
from crmkit.core.errors import CrmkitError, ForbiddenError, NotFoundError, UnknownEntityError, UnknownFieldError
from crmkit.core.jobs.context import WorkContext
from crmkit.core.passing.files import file_of, note_file, note_told
from crmkit.core.passing.work import ExportWork, ImportWork
from crmkit.core.policy.principal import Principal
from crmkit.core.progress import Progress, Show
from crmkit.core.rules.errors import RuleError
from crmkit.core.text import gettext as _
from crmkit.transfer.errors import DryRunTooLargeError, ExportError, PlanError, SourceError
from crmkit.transfer.exporting import export
from crmkit.transfer.importing import run_import
from crmkit.transfer.plan import ImportPlan
from crmkit.transfer.plan_file import parse_plan
from crmkit.transfer.report import ImportReport
from crmkit.transfer.writers import MEDIA_TYPES

__all__ = ["do_dry_run", "do_export", "do_import", "plan_of"]

_CHUNK = 1 << 16
_FOLDER = "crmkit-import-"
# A worker that comes back after a weekend still goes on where it stopped.
_LEFT = timedelta(days=3)
# Rows of a dry run, where others wait for the records that it writes until it ends.
_MOST_HELD = 10_000
# What trying again does not mend: whoever asked is told.
_REFUSALS = (
    ContentMissingError,
    DryRunTooLargeError,
    ExportError,
    ForbiddenError,
    NotFoundError,
    PlanError,
    RuleError,
    SourceError,
    UnknownEntityError,
    UnknownFieldError,
)


def do_export(context: WorkContext, asked: ExportWork) -> None:
    """Write the file that *asked* describes, and keep it for who asked."""
    principal = context.principal
    with _refusals_told(context, principal), tempfile.TemporaryFile() as file:
        with context.read(principal) as db:
            export(
                db,
                db.entity(asked.entity),
                cast(IO[bytes], file),
                where=asked.where,
                fields=asked.fields,
                order_by=asked.order_by,
                format=asked.format,
                show=_shown(context),
            )
        file.seek(0)
        content = context.contents.keep(asked.name, _chunks(cast(IO[bytes], file)))
        with context.finish(principal) as writer:
            note_file(writer, content, "export", MEDIA_TYPES[asked.format], job=context.id, entity=asked.entity)


def do_import(context: WorkContext, asked: ImportWork) -> None:
    """Run the plan of *asked* on its files; go on where a worker stopped that was killed.

    What is refused stands in error files, which are kept for who asked, as is the report.
    """
    _do(context, asked, dry_run=False)


def do_dry_run(context: WorkContext, asked: ImportWork) -> None:
    """Find out what :func:`do_import` would do, and keep the report and the error files; begin anew after a kill."""
    _do(context, asked, dry_run=True)


def _do(context: WorkContext, asked: ImportWork, *, dry_run: bool) -> None:
    principal = context.principal
    with _refusals_told(context, principal):
        plan = plan_of(asked)
        with _folder(context) as folder:
            files, errors = folder / "files", folder / "errors"
            for each in (files, errors):
                each.mkdir(exist_ok=True)
            _fetch(context, principal, asked, files)
            # Runs of the same plan are told apart by their jobs.
            mine = attrs.evolve(plan, name=f"job {context.id}")
            report = run_import(
                context.crm,
                principal,
                mine,
                files,
                dry_run=dry_run,
                most_held=_MOST_HELD,
                errors=errors,
                show=_shown(context),
                cause=context.cause,
                write=context.write,
            )
            report.plan = plan.name
            _keep(context, principal, report)


def plan_of(asked: ImportWork) -> ImportPlan:
    """Return the steps of the plan whose files are there; those are named without a folder.

    Raises:
        PlanError: the plan is none, or no step reads one of the files.
    """
    plan = parse_plan(asked.plan)
    known = [file.name for file in plan.files]
    for name in asked.files:
        # A name is the name of a file in the folder of the work, and leads nowhere else.
        if name not in known or plain_name(name) != name:
            message = _("there is no file {name!r} in this plan, or it is not named plainly; files: {known}")
            raise PlanError("files", message, name=name[:80], known=", ".join(known))
    if not asked.files:
        raise PlanError("files", _("none is given; the plan reads: {known}"), known=", ".join(known))
    return attrs.evolve(plan, steps=tuple(step for step in plan.steps if step.file.name in asked.files))


def _keep(context: WorkContext, principal: Principal, report: ImportReport) -> None:
    kept = []
    for file in report.files:
        if file.errors is not None:
            path = Path(file.errors)
            with path.open("rb") as opened:
                kept.append(context.contents.keep(path.name, _chunks(opened)))
    told = report.as_dict()
    for each in told["files"]:
        del each["path"], each["errors"]
    with context.finish(principal) as writer:
        for content in kept:
            note_file(writer, content, "errors", MEDIA_TYPES["csv"], job=context.id)
        note_told(writer, context.id, json.loads(json.dumps(told, default=str)))


@contextmanager
def _refusals_told(context: WorkContext, principal: Principal) -> Iterator[None]:
    """Keep for who asked why their work cannot be done, and end it; other errors pass, and it is tried again."""
    try:
        yield
    except _REFUSALS as error:
        with context.finish(principal) as writer:
            note_told(writer, context.id, {"refused": _told(error, writer.access.locale)})


def _told(error: CrmkitError, locale: str | None) -> dict[str, Any]:
    return {"code": error.code, "message": error.localized(locale)}


def _shown(context: WorkContext) -> Show:
    """Return what shows in the job how far it has come, once a second at most: that is a transaction."""
    shown_at = 0.0

    def show(progress: Progress) -> None:
        nonlocal shown_at
        if progress.done or monotonic() - shown_at >= 1:
            shown_at = monotonic()
            context.progress(progress.rows, progress.total, f"{progress.step} ({progress.number}/{progress.steps})")

    return show


@contextmanager
def _folder(context: WorkContext) -> Iterator[Path]:
    """Give the folder of the work, the same at every try on this machine; it goes when no other try will need it."""
    place = Path(tempfile.gettempdir())
    folder = place / f"{_FOLDER}{context.id}"
    _forget_left(place, folder)
    folder.mkdir(mode=0o700, exist_ok=True)
    if not _is_ours(folder):
        raise PermissionError(f"{folder} belongs to somebody else")
    # From now on it is needed again.
    os.utime(folder)
    try:
        yield folder
    except _REFUSALS:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)


def _forget_left(place: Path, mine: Path) -> None:
    """Delete the folders in *place*, but *mine*, of work that was cancelled, given up, or killed for good."""
    for folder in set(place.glob(f"{_FOLDER}*")) - {mine}:
        # Another worker may do the same.
        with suppress(OSError):
            if _is_ours(folder) and time() - folder.stat().st_mtime > _LEFT.total_seconds():
                shutil.rmtree(folder, ignore_errors=True)


def _is_ours(folder: Path) -> bool:
    return not folder.is_symlink() and not (hasattr(os, "getuid") and folder.stat().st_uid != os.getuid())


def _fetch(context: WorkContext, principal: Principal, asked: ImportWork, folder: Path) -> None:
    """Bring the files of *asked* into *folder*; those that are there stay, so that a run is known again."""
    for name, id_ in asked.files.items():
        path = folder / name
        if path.exists():
            continue
        with context.read(principal) as db:
            content = file_of(db, id_).content
        partial = folder / f"{name}.part"
        with partial.open("wb") as file:
            file.writelines(context.contents.read(str(content)))
        partial.replace(path)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    read: Callable[[], bytes] = lambda: file.read(_CHUNK)  # noqa: E731
    return iter(read, b"")
