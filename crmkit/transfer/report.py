"""What an import did, as plain data."""

from __future__ import annotations

from typing import Any

import attrs

from crmkit.transfer.errors import CellProblem

__all__ = ["COUNTED", "FileReport", "ImportReport", "StepReport"]

#: What a row can become; together they are the rows that were read.
COUNTED = ("created", "updated", "unchanged", "skipped", "rejected")
_SHOWN = 20


@attrs.define
class StepReport:
    """One step: how many rows it read, and what became of them."""

    name: str
    file: str
    entity: str
    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    rejected: int = 0
    #: Rows for new records that are likely there already, as far as the plan wants to know.
    duplicates: int = 0
    seconds: float = 0.0

    @property
    def counts(self) -> dict[str, int]:
        """The numbers alone."""
        return {name: getattr(self, name) for name in ("rows", *COUNTED, "duplicates")}


@attrs.define
class FileReport:
    """One file: how it was understood, what its steps did, and where its rejected rows are."""

    file: str
    path: str
    facts: dict[str, str]
    created: int = 0
    updated: int = 0
    #: Rows that at least one step rejected.
    rejected: int = 0
    errors: str | None = None


@attrs.define
class ImportReport:
    """A whole run."""

    plan: str
    dry_run: bool
    #: Whether it went on where a killed run had stopped.
    resumed: bool
    steps: list[StepReport] = attrs.field(factory=list)
    files: list[FileReport] = attrs.field(factory=list)
    #: The first problems; all of them are in the error files.
    problems: list[CellProblem] = attrs.field(factory=list)

    @property
    def rejected(self) -> int:
        """How many rows are to be corrected."""
        return sum(file.rejected for file in self.files)

    def note(self, problems: list[CellProblem]) -> None:
        """Keep the first problems of the run."""
        room = _SHOWN - len(self.problems)
        self.problems += problems[: max(room, 0)]

    def as_dict(self) -> dict[str, Any]:
        """Return the report for ``--json``."""
        return {
            "plan": self.plan,
            "dry_run": self.dry_run,
            "resumed": self.resumed,
            **{name: sum(getattr(step, name) for step in self.steps) for name in ("created", "updated")},
            "rejected": self.rejected,
            "files": [attrs.asdict(file) for file in self.files],
            "steps": [attrs.asdict(step) for step in self.steps],
            "problems": [_problem(problem) for problem in self.problems],
        }


def _problem(problem: CellProblem) -> dict[str, Any]:
    facts = problem.facts
    return {
        **{name: facts[name] for name in ("file", "line", "column", "value")},
        "reason": problem.why(),
        "accepted": problem.hint() or None,
    }
