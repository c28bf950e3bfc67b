"""Running an import plan: step by step, batch by batch, through the same wall as everything else."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import attrs

from crmkit.core.crm import CRM
from crmkit.core.policy.principal import Principal
from crmkit.core.progress import Meter, Show
from crmkit.core.storage.alone import alone
from crmkit.core.writing.writer import Writer
from crmkit.transfer.batches import BatchSize
from crmkit.transfer.binding import BoundStep, bind
from crmkit.transfer.checkpoint import Checkpoint, CheckpointStore
from crmkit.transfer.errors import DryRunTooLargeError, ImportRunningError
from crmkit.transfer.errors_file import error_file_name, merge_rejects
from crmkit.transfer.files import SourceFiles
from crmkit.transfer.plan import ImportPlan
from crmkit.transfer.report import FileReport, ImportReport, StepReport
from crmkit.transfer.suspects import SuspectFile
from crmkit.transfer.sweep import RejectFiles, Run, Sweep

__all__ = ["run_import"]


def run_import(
    crm: CRM,
    principal: Principal,
    plan: ImportPlan,
    source: Path,
    *,
    dry_run: bool = False,
    most_held: int | None = None,
    errors: Path | None = None,
    duplicates: Path | None = None,
    show: Show | None = None,
    cause: str = "import",
    write: Callable[[Principal], AbstractContextManager[Writer]] | None = None,
) -> ImportReport:
    """Run *plan* on the files in the folder *source* and return what became of every row.

    *source* may also be one file of the plan, or the error file of one: then the steps that read it run. Rows that
    are refused go to ``<name>.errors.csv`` in the folder *errors*, by default beside the source. A run that was
    killed goes on where it was when it is started again with the same plan, files and folder. With *dry_run*
    everything is done and undone (see :meth:`CRM.dry_run`), and no file is written, but for error files in a folder
    that is named. Pairs of new records and those that they likely are, for steps that report or refuse them, go to the
    CSV file *duplicates*. A dry run for which others may have to wait has up to *most_held* rows. *write* opens the
    writer of each batch, where that is not the CRM's own.

    Raises:
        PlanError: the plan does not fit the CRM or what *principal* may see; nothing is written.
        SourceError: a file is missing, cannot be read, or lacks columns; nothing is written, unless the fault lies
            behind rows that were already imported.
        DryRunTooLargeError: the dry run has more than *most_held* rows.
        ImportRunningError: somebody runs this plan on this database now.
        CrmkitError: the database or a plugin failed; the batches before stay, and a new run goes on after them.
    """
    with crm.read(principal) as reader:
        steps = bind(plan, crm.registry, reader.access)
    files = SourceFiles(plan, source)
    files.check()
    wanted = [step for step in steps if files.has(step.plan.file.name)]
    beside = source if source.is_dir() else source.parent
    rejects = RejectFiles(errors or beside, kept=errors is not None or not dry_run)
    importing = _Import(crm, principal, plan, wanted, files, rejects, duplicates, show, cause, dry_run, write)
    if dry_run:
        if most_held is not None and not crm.storage.is_sqlite:
            _check_size(wanted, files, most_held)
        return importing.run()
    with alone(crm.storage, importing.store.key) as first:
        if not first:
            raise ImportRunningError(plan.name)
        return importing.run()


@attrs.define(eq=False)
class _Import:
    """One run of one plan."""

    crm: CRM
    principal: Principal
    plan: ImportPlan
    steps: Sequence[BoundStep]
    files: SourceFiles
    rejects: RejectFiles
    duplicates: Path | None
    show: Show | None
    cause: str
    dry_run: bool
    write: Callable[[Principal], AbstractContextManager[Writer]] | None
    suspects: SuspectFile | None = attrs.field(default=None, init=False)
    store: CheckpointStore = attrs.field(init=False)
    at: Checkpoint = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.store = CheckpointStore(self.crm, f"import:{self.plan.name}"[:200])
        fingerprint = _fingerprint(self.plan, self.principal, self.steps, self.files)
        self.at = Checkpoint(fingerprint, str(self.rejects.folder.resolve()))

    def run(self) -> ImportReport:
        """Run all steps and return the report."""
        report = ImportReport(self.plan.name, self.dry_run, resumed=False)
        if not self.dry_run:
            report.resumed = self._go_on()
        with self._suspects_kept(), self._writers():
            for number, step in enumerate(self.steps):
                report.steps.append(self._step(number, step, report))
        for name in dict.fromkeys(step.plan.file.name for step in self.steps):
            report.files.append(self._finish_file(name, [step for step in report.steps if step.file == name]))
        self.store.clear()
        return report

    def _go_on(self) -> bool:
        """Begin where an earlier run was interrupted; return whether there was one, of which nothing is missing."""
        found = self.store.load()
        if found is None:
            return False
        same = (found.fingerprint, found.folder) == (self.at.fingerprint, self.at.folder)
        if same and all(self._has_rejects(found, number, step) for number, step in enumerate(self.steps)):
            self.at = found
            return True
        # The rows that the earlier run rejected are rejected again. Its folder may only be readable by now.
        with suppress(OSError):
            earlier = RejectFiles(Path(found.folder), kept=True)
            for step in self.steps:
                earlier.forget(step.plan.file.name, step.plan.name)
        return False

    def _has_rejects(self, found: Checkpoint, number: int, step: BoundStep) -> bool:
        rejected = found.counts.get(step.plan.name, {}).get("rejected", 0)
        wanted = found.rejects if number == found.step else min(rejected, 1)
        return self.rejects.size(step.plan.file.name, step.plan.name) >= wanted

    @contextmanager
    def _suspects_kept(self) -> Iterator[None]:
        """Hold the file of likely duplicates open; nothing is written in a dry run."""
        if self.duplicates is None or self.dry_run:
            yield
            return
        self.suspects = SuspectFile(self.duplicates, self.at.suspects)
        try:
            yield
        finally:
            self.suspects.close()

    @contextmanager
    def _writers(self) -> Iterator[None]:
        """Have the writers of batches be those of a dry run, where it is one."""
        if not self.dry_run:
            yield
            return
        with self.crm.dry_run(self.principal, cause=self.cause) as dry:
            self.write = lambda _principal: dry.write()
            yield

    def writer(self) -> AbstractContextManager[Writer]:
        """Give the writer of one batch."""
        return self.write(self.principal) if self.write else self.crm.write(self.principal, cause=self.cause)

    def _step(self, number: int, step: BoundStep, whole: ImportReport) -> StepReport:
        report = StepReport(step.plan.name, step.plan.file.name, step.entity.id)
        for name, count in self.at.counts.get(report.name, {}).items():
            setattr(report, name, count)
        if number < self.at.step:
            return report
        if number > self.at.step or not self.at.counts.get(report.name):
            self.rejects.forget(report.file, report.name)
        if number > self.at.step:
            self.at.step, self.at.rows, self.at.rejects = number, 0, 0
        started = time.monotonic()
        meter = Meter(self.show, report.name, number=number + 1, steps=len(self.steps))
        save, size = None if self.dry_run else self.save, BatchSize(one_writer=self.crm.storage.is_sqlite)
        run = Run(step, report, whole, meter, self.files, self.rejects, self.writer, save, size, self.suspects)
        self._sweeps(run)
        self._note_suspects()
        report.seconds = round(time.monotonic() - started, 3)
        self.at.counts[report.name] = report.counts
        meter.finish()
        return report

    def _sweeps(self, run: Run) -> None:
        """Read the file once, and again as long as rows that wait for others of their own kind get on."""
        if not run.step.refers_to_itself:
            Sweep(run, 1, None, may_wait=False, done=self.at.rows, keep=self.at.rejects).run()
            return
        # Which rows were waiting died with the killed run: it begins again, and what is there is left alone.
        there = run.report.created + run.report.updated
        run.report.rows = run.report.unchanged = run.report.skipped = run.report.rejected = 0
        if run.step.plan.duplicates == "refuse":
            run.report.duplicates = 0
        number, lines, may_wait = 1, None, True
        while waiting := Sweep(run, number, lines, may_wait=may_wait).run():
            may_wait = lines is None or len(waiting) < len(lines)
            number, lines = number + 1, waiting
        run.report.unchanged -= there

    def save(self, writer: Writer, run: Run, rows: int, rejects: int) -> None:
        """Keep in *writer*'s transaction how far the run has come."""
        if not run.step.refers_to_itself:
            self.at.rows, self.at.rejects = rows, rejects
        self._note_suspects()
        self.at.counts[run.report.name] = run.report.counts
        self.store.save(writer, self.at)

    def _note_suspects(self) -> None:
        if self.suspects is not None:
            self.at.suspects = self.suspects.flush()

    def _finish_file(self, name: str, steps: Sequence[StepReport]) -> FileReport:
        path = self.files.path(name)
        report = FileReport(name, str(path), self.files.facts(name))
        report.created = sum(step.created for step in steps)
        report.updated = sum(step.updated for step in steps)
        report.rejected = sum(step.rejected for step in steps)
        if self.rejects.kept:
            target = self.rejects.folder / error_file_name(path.name)
            kept = [kept for step in steps for kept in self.rejects.of(name, step.name)]
            report.rejected = merge_rejects(kept, self.files.columns(name), target)
            report.errors = str(target) if report.rejected else None
        return report


def _check_size(steps: Sequence[BoundStep], files: SourceFiles, most: int) -> None:
    """Return if the *steps* read no more rows than *most*.

    Raises:
        DryRunTooLargeError: they do.
    """
    left = most
    for step in steps:
        with files.open(step.plan.file.name) as source:
            left -= sum(1 for _row in islice(source.rows(), left + 1))
        if left < 0:
            raise DryRunTooLargeError(most)


def _fingerprint(plan: ImportPlan, principal: Principal, steps: Sequence[BoundStep], files: SourceFiles) -> str:
    """Return what tells this run from one of another plan, on other files, or by somebody else."""
    said = attrs.astuple(plan, recurse=True, filter=lambda attribute, _value: attribute.name != "path")
    parts: list[Any] = [said, principal.user_id, *(files.state(step.plan.file.name) for step in steps)]
    return hashlib.sha256(repr(parts).encode()).hexdigest()
