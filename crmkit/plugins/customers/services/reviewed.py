"""The file in which people say what likely duplicates are: read row by row, and what was refused given back."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from crmkit import CrmkitError, translator

__all__ = ["Decision", "ReviewedFileError", "error_file", "read_reviewed", "write_refused"]

# Texts belong to the plugin.
_ = translator(__package__.rpartition(".")[0])

_SUFFIX = ".errors.csv"
# What stands in front of the columns of an error file.
_ADDED = ("line", "refused")


class ReviewedFileError(CrmkitError):
    """A file that should say what likely duplicates are cannot be understood."""

    code = "reviewed-file-unreadable"
    template = _("{file}: {reason}")

    def __init__(self, file: Path, reason: str) -> None:
        """Name the *file* and why it cannot be read."""
        super().__init__(file=str(file), reason=reason)


@attrs.frozen
class Decision:
    """What somebody decided in one row: ``merge``, ``not`` or ``skip``, and for which records.

    The first of *references*, ids or numbers, is the winner. *given* is the row as it stands in the file.
    """

    line: int
    kind: str
    references: tuple[str, ...]
    reason: str | None
    given: Mapping[str, Any]


def read_reviewed(path: Path) -> list[Decision]:
    """Return the decisions in a CSV or JSON file: the one that the search writes, with ``decision`` filled in.

    The records are ``winner`` and ``losers``, or the pair ``one_id`` and ``other_id`` or ``one`` and ``other``, of
    which the first wins unless ``winner`` names one. A row without a decision is skipped.

    Raises:
        ReviewedFileError: the file is missing, is neither, or has no column ``decision``.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = list(_of_json(text) if path.suffix.casefold() == ".json" else _of_csv(text))
    except (OSError, ValueError, csv.Error) as error:
        raise ReviewedFileError(path, str(error)) from None
    if rows and not any("decision" in row for _line, row in rows):
        raise ReviewedFileError(path, str(_("there is no column 'decision'; it says merge, not or skip")))
    return [_decision(line, row) for line, row in rows]


def _of_csv(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    heading = text.partition("\n")[0]
    reader = csv.DictReader(text.splitlines(keepends=True), delimiter=max(",;\t", key=heading.count), strict=True)
    for row in reader:
        yield reader.line_num, {key: value for key, value in row.items() if key is not None}


def _of_json(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    found = json.loads(text)
    rows = found.get("pairs") if isinstance(found, dict) else found
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(_("expected a list of objects"))
    yield from enumerate(rows, 1)


def _decision(line: int, row: Mapping[str, Any]) -> Decision:
    told = _text(row, "line")
    pair = [_text(row, f"{name}_id") or _text(row, name) for name in ("one", "other")]
    losers = row.get("losers")
    named = [str(each) for each in losers] if isinstance(losers, list) else re.split(r"[\s,;]+", _text(row, "losers"))
    references = [_text(row, "winner"), *(named if any(named) else pair)]
    return Decision(
        int(told) if told.isascii() and told.isdigit() and len(told) < 16 else line,
        _text(row, "decision").casefold() or "skip",
        tuple(filter(None, references)),
        _text(row, "reason") or None,
        row,
    )


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value).strip()


def error_file(path: Path) -> Path:
    """Return where what is refused of *path* is written: ``pairs.csv`` → ``pairs.errors.csv``, which keeps its name."""
    return path if path.name.endswith(_SUFFIX) else path.with_name(f"{path.stem}{_SUFFIX}")


def write_refused(target: Path, refused: Sequence[tuple[Decision, str]]) -> Path | None:
    """Write the refused rows with line and reason in front, to correct and apply; return the file if there are any.

    One that stands there, in which somebody may be correcting, is kept as ``….old``.
    """
    partial = target.with_name(f"{target.name}.part")
    if refused:
        with partial.open("w", encoding="utf-8-sig", newline="") as file:
            columns = dict.fromkeys(name for decision, _reason in refused for name in decision.given)
            rest = [name for name in columns if name not in _ADDED]
            writer = csv.DictWriter(file, [*_ADDED, *rest])
            writer.writeheader()
            writer.writerows(_cells(decision, reason, rest) for decision, reason in refused)
    if target.exists():
        target.replace(target.with_name(f"{target.name}.old"))
    return partial.replace(target) if refused else None


def _cells(decision: Decision, reason: str, columns: Iterable[str]) -> dict[str, Any]:
    given = {name: decision.given.get(name) for name in columns}
    cells = {name: " ".join(map(str, value)) if isinstance(value, list) else value for name, value in given.items()}
    return {"line": decision.line, "refused": reason, **cells}
