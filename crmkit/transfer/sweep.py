"""One pass over the file of one step: rows become drafts, drafts batches, batches records."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from uuid import UUID

import attrs

from crmkit.core.progress import Meter
from crmkit.core.writing.writer import Writer
from crmkit.transfer.batches import BatchSize
from crmkit.transfer.binding import BoundStep
from crmkit.transfer.cells import Row, Source
from crmkit.transfer.drafts import Draft, Drafter
from crmkit.transfer.errors_file import Rejects, error_file_name
from crmkit.transfer.files import SourceFiles
from crmkit.transfer.lookups import Lookups
from crmkit.transfer.report import ImportReport, StepReport
from crmkit.transfer.seen import SeenKeys
from crmkit.transfer.suspects import SuspectFile
from crmkit.transfer.upsert import Outcome, Upsert

__all__ = ["RejectFiles", "Run", "Save", "Sweep"]


class RejectFiles:
    """Where the rejected rows of each pass wait until the run ends and the error files are put together."""

    def __init__(self, folder: Path, *, kept: bool) -> None:
        """Keep them in *folder*, or nowhere at all."""
        self.folder, self.kept = folder, kept

    def open(self, file: str, step: str, sweep: int, keep: int, decimal: str) -> Rejects | None:
        """Open the rejects of one pass, without what was added after their first *keep* bytes."""
        return Rejects(self._path(file, step, str(sweep)), keep, decimal) if self.kept else None

    def of(self, file: str, step: str) -> list[Path]:
        """Return the rejects of all passes of a step."""
        return sorted(self.folder.glob(self._path(file, step, "*").name))

    def size(self, file: str, step: str) -> int:
        """Return how many bytes the rejects of a step have."""
        return sum(path.stat().st_size for path in self.of(file, step))

    def forget(self, file: str, step: str) -> None:
        """Remove what a run that did not end has left of a step."""
        if self.kept:
            for path in self.of(file, step):
                path.unlink()

    def _path(self, file: str, step: str, sweep: str) -> Path:
        safe = re.sub(r"\W+", "_", step)
        return self.folder / f".{error_file_name(file)}.{safe}.{sweep}.rejects"


@attrs.define(eq=False)
class Run:
    """What the passes of one step share."""

    step: BoundStep
    report: StepReport
    whole: ImportReport
    meter: Meter
    files: SourceFiles
    rejects: RejectFiles
    writer: Callable[[], AbstractContextManager[Writer]]
    save: Save | None
    size: BatchSize
    suspects: SuspectFile | None = None
    homes: dict[UUID, UUID | None] = attrs.field(factory=dict, init=False)


#: Keeps in the writer's transaction how many rows of the run are dealt with, and how long its rejects are.
Save = Callable[[Writer, Run, int, int], None]


class Sweep:
    """Reads a file from its beginning to its end and writes what the step says."""

    def __init__(
        self, run: Run, number: int, lines: set[int] | None, *, may_wait: bool, done: int = 0, keep: int = 0
    ) -> None:
        """Deal with the rows on *lines*, or with all but the first *done*, whose rejects are *keep* bytes long."""
        self._run, self._number, self._lines, self._may_wait = run, number, lines, may_wait
        self._done, self._keep = done, keep
        self._waiting: set[int] = set()
        self._rejects: Rejects | None = None
        self._rows = done

    def run(self) -> set[int]:
        """Deal with the rows and return the lines of those that wait for a record which a later row may make."""
        plan = self._run.step.plan
        with ExitStack() as stack:
            source = stack.enter_context(self._run.files.open(plan.file.name))
            seen = stack.enter_context(SeenKeys())
            decimal = plan.file.formats.decimal
            self._rejects = self._run.rejects.open(plan.file.name, plan.name, self._number, self._keep, decimal)
            if self._rejects is not None:
                stack.callback(self._rejects.close)
            self._lookups = Lookups(source.file)
            self._read(source, Drafter(self._run.step, source.file, source.columns, seen))
        return self._waiting

    def _read(self, source: Source, drafter: Drafter) -> None:
        report, batch, rows = self._run.report, list[Draft](), 0
        for rows, row in enumerate(source.rows(), 1):
            if not self._concerns(rows, row):
                drafter.note(row)
                continue
            if len(batch) >= self._run.size.rows:
                self._write(batch, source, rows - 1)
                batch = []
            draft = drafter.draft(row)
            report.rows += self._number == 1
            if draft is not None:
                batch.append(draft)
            else:
                report.skipped += self._number == 1
        if batch:
            self._write(batch, source, rows)

    def _concerns(self, number: int, row: Row) -> bool:
        return number > self._done and (self._lines is None or row.line in self._lines)

    def _write(self, batch: list[Draft], source: Source, rows: int) -> None:
        """Write *batch* and, in the same transaction, that the run has come to row *rows*."""
        good = [draft for draft in batch if not draft.problems]
        bad = [draft for draft in batch if draft.problems]
        if good:
            started = time.monotonic()
            with self._run.writer() as writer:
                upsert = Upsert(writer, self._run.step, self._lookups, self._run.homes)
                outcome = upsert.run(good, may_wait=self._may_wait)
                self._account(outcome, bad)
                if outcome.wrote and self._run.save is not None:
                    # Before the commit: a rejected row that only memory knows would be lost with the process.
                    size = self._rejects.flush() if self._rejects is not None else 0
                    self._run.save(writer, self._run, rows, size)
            self._run.size.took(time.monotonic() - started, len(good))
        else:
            self._account(Outcome(), bad)
        self._run.meter.advance(len(batch), source.fraction())

    def _account(self, outcome: Outcome, bad: list[Draft]) -> None:
        report = self._run.report
        report.created += outcome.created
        report.updated += outcome.updated
        report.unchanged += outcome.unchanged
        report.skipped += outcome.skipped
        report.duplicates += len(outcome.suspects)
        if self._run.suspects is not None:
            for found in outcome.suspects.values():
                self._run.suspects.add(report.name, found)
        rejected = sorted([*outcome.rejected, *bad], key=lambda draft: draft.row.line)
        report.rejected += len(rejected)
        for draft in rejected:
            self._run.whole.note(draft.problems)
            if self._rejects is not None:
                self._rejects.add(draft.row, draft.problems)
        self._waiting |= {draft.row.line for draft in outcome.postponed}
