"""The files of a plan: found, checked before anything is written, and opened again without a second look."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import attrs

from crmkit.core.text import gettext as _
from crmkit.transfer.cells import Source
from crmkit.transfer.errors import SourceMissingError
from crmkit.transfer.errors_file import error_file_name
from crmkit.transfer.header import require_columns
from crmkit.transfer.plan import FilePlan, ImportPlan
from crmkit.transfer.sources import open_source

__all__ = ["SourceFiles"]


class SourceFiles:
    """The files that a plan reads, in a folder; or one of them, or its error file."""

    def __init__(self, plan: ImportPlan, source: Path) -> None:
        """Find the files of *plan* in *source*.

        Raises:
            SourceMissingError: *source* is neither a folder nor a file of the plan.
        """
        self._plan = plan
        self._plans = {file.name: file for file in plan.files}
        self._paths = _paths(plan, source)
        self._columns: dict[str, tuple[str, ...]] = {}
        self._facts: dict[str, dict[str, str]] = {}

    def has(self, name: str) -> bool:
        """Return whether the file takes part in this run."""
        return name in self._paths

    def path(self, name: str) -> Path:
        """Return where the file is."""
        return self._paths[name]

    def columns(self, name: str) -> tuple[str, ...]:
        """Return the columns that the file has."""
        return self._columns[name]

    def facts(self, name: str) -> dict[str, str]:
        """Return how the file was understood."""
        return self._facts[name]

    def check(self) -> None:
        """Open every file once and see that it has the columns that the plan names.

        Raises:
            SourceError: a file cannot be read, or lacks columns.
        """
        for name in self._paths:
            wanted = [column for step in self._plan.steps if step.file.name == name for column in step.columns]
            with self._open(self._plans[name]) as source:
                require_columns(source.file, source.columns, list(dict.fromkeys(wanted)))
                self._columns[name], self._facts[name] = source.columns, source.facts

    def open(self, name: str) -> Source:
        """Open a checked file: its encoding and delimiter are known."""
        facts, file = self._facts[name], self._plans[name]
        options = attrs.evolve(file.options, checked=True)
        if "encoding" in facts and "errors" not in facts:
            options = attrs.evolve(options, encoding=facts["encoding"], delimiter=facts["delimiter"])
        return self._open(attrs.evolve(file, options=options))

    def _open(self, file: FilePlan) -> Source:
        return open_source(self._paths[file.name], file.options)

    def state(self, name: str) -> tuple[Any, ...]:
        """Return what changes when the file does: its name, size, time of change and first bytes."""
        path = self._paths[name]
        stat = path.stat()
        with path.open("rb") as file:
            head = hashlib.sha256(file.read(65536)).hexdigest()
        return path.name, stat.st_size, stat.st_mtime_ns, head


def _paths(plan: ImportPlan, source: Path) -> dict[str, Path]:
    if source.is_dir():
        return {file.name: source / file.name for file in plan.files}
    named = [file.name for file in plan.files if source.name in (Path(file.name).name, _errors_of(file.name))]
    if not source.exists() or not named:
        files = ", ".join(file.name for file in plan.files)
        reason = _("the plan reads no file of this name") if source.exists() else _("there is no such file or folder")
        accepted = _("Give a folder with {files}, or one of these files, or its error file")
        raise SourceMissingError(source.name, reason, accepted, files=files)
    return dict.fromkeys(named, source)


def _errors_of(name: str) -> str:
    return error_file_name(Path(name).name)
