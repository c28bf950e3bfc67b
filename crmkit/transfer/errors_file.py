"""The error file: rejected rows as they were, to correct and import; place and reason stand in front."""

from __future__ import annotations

import csv
import filecmp
import heapq
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from crmkit.transfer.cells import Row, Source, cell_text
from crmkit.transfer.errors import CellProblem
from crmkit.transfer.neutral import neutralise

__all__ = ["COLUMNS", "ErrorFileSource", "Rejects", "error_file_name", "is_error_file", "merge_rejects"]

#: What stands before the columns of the original file.
COLUMNS = ("crmkit:line", "crmkit:column", "crmkit:reason")
_SUFFIX = ".errors.csv"


def error_file_name(file: str) -> str:
    """Return the error file's name: ``deals.csv`` → ``deals.errors.csv``; an error file keeps its own."""
    return file if file.endswith(_SUFFIX) else f"{file.rpartition('.')[0] or file}{_SUFFIX}"


def is_error_file(columns: Sequence[str]) -> bool:
    """Return whether a file with these columns is an error file."""
    return tuple(columns[: len(COLUMNS)]) == COLUMNS


class ErrorFileSource:
    """An error file as what it was made of: without the columns in front, with the original line numbers."""

    def __init__(self, source: Source) -> None:
        """Wrap *source*, whose columns begin with :data:`COLUMNS`."""
        self._source = source
        self.file = source.file
        self.columns = source.columns[len(COLUMNS) :]
        self.facts = {**source.facts, "errors": "true"}

    def rows(self) -> Iterator[Row]:
        """Return the rows; one whose line was removed has its line in the error file."""
        skip = len(COLUMNS)
        for row in self._source.rows():
            line = str(row.cells[0]).strip() if row.cells else ""
            number = int(line) if line.isascii() and line.isdigit() and len(line) < 16 else row.line
            yield Row(number, row.cells[skip:], row.problems)

    def fraction(self) -> float:
        """Return how much of the file has been read, from 0 to 1."""
        return self._source.fraction()

    def close(self) -> None:
        """Close the file."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Reject(NamedTuple):
    line: int
    columns: str
    reasons: str
    cells: list[str]


class Rejects:
    """Rejected rows of one step, appended to a file beside the error file until the run has ended.

    Call :meth:`flush` before a batch is committed, and open with what it returned after a crash: then no
    rejected row is lost and none stands there twice.
    """

    def __init__(self, path: Path, keep: int = 0, decimal: str = ".") -> None:
        """Keep the first *keep* bytes of *path* and append to them.

        Numbers of a workbook are written with the *decimal* separator that the plan states.
        """
        self.path, self._decimal = path, decimal
        path.touch()
        os.truncate(path, min(keep, path.stat().st_size))
        self._file = path.open("a", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)

    def add(self, row: Row, problems: Iterable[CellProblem]) -> None:
        """Keep *row* with every problem it has."""
        found = list(problems)
        columns = "; ".join(dict.fromkeys(p.facts["column"] for p in found if p.facts["column"]))
        reasons = "; ".join(_reason(problem) for problem in found)
        cells = [cell_text(cell, self._decimal) for cell in row.cells]
        self._writer.writerow([row.line, columns, reasons, *cells])

    def flush(self) -> int:
        """Bring everything to the disk; return the size of the file."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def close(self) -> None:
        """Bring everything to the disk and close the file."""
        self.flush()
        self._file.close()


def _reason(problem: CellProblem) -> str:
    text, shown = problem.why(), repr(problem.facts["value"])
    if problem.facts["column"] and problem.facts["value"] and shown not in text:
        text = f"{shown}: {text}"
    hint = problem.hint()
    return f"{text} ({hint})" if hint else text


def merge_rejects(kept: Sequence[Path], columns: Sequence[str], target: Path) -> int:
    """Write *target* from the rejects of each step, one row for each line of the source; return how many.

    The file is UTF-8 with a byte order mark, so that Excel shows it right. Without a rejected row,
    none is written. An old error file with other rows, which somebody may be correcting, is kept as ``….old``.
    """
    streams = [_read(path) for path in kept if path.exists()]
    merged = heapq.merge(*streams, key=lambda reject: reject.line)
    count = 0
    partial = target.with_name(f"{target.name}.part")
    with partial.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*COLUMNS, *(neutralise(name) for name in columns)])
        for _line, same in groupby(merged, key=lambda reject: reject.line):
            writer.writerow(_combined(list(same)))
            count += 1
    _replace(target, partial if count else None)
    partial.unlink(missing_ok=True)
    for path in kept:
        path.unlink(missing_ok=True)
    return count


def _replace(target: Path, new: Path | None) -> None:
    if target.exists() and not (new and filecmp.cmp(new, target, shallow=False)):
        target.replace(target.with_name(f"{target.name}.old"))
    if new is not None:
        new.replace(target)


def _combined(rejects: list[_Reject]) -> list[object]:
    columns = "; ".join(dict.fromkeys(r.columns for r in rejects if r.columns))
    reasons = "; ".join(dict.fromkeys(r.reasons for r in rejects))
    return [rejects[0].line, *(neutralise(text) for text in (columns, reasons, *rejects[0].cells))]


def _read(path: Path) -> Iterator[_Reject]:
    with path.open(encoding="utf-8", newline="") as file:
        for line, columns, reasons, *cells in csv.reader(file):
            yield _Reject(int(line), columns, reasons, cells)
