"""What is wrong with a file, a row or a plan: with the place, the reason and what would be accepted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmkit.core.errors import CrmkitError
from crmkit.core.text import Text, gettext as _, translate

__all__ = [
    "CellProblem",
    "DryRunTooLargeError",
    "DuplicateColumnsError",
    "ExportError",
    "ExportTargetError",
    "ImportRunningError",
    "MissingColumnsError",
    "PlanError",
    "RowTooLongError",
    "SourceDamagedError",
    "SourceEmptyError",
    "SourceEncodingError",
    "SourceError",
    "SourceFormatError",
    "SourceMissingError",
    "SourceProtectedError",
    "SourceTooLargeError",
    "shorten",
]

_SHOWN = 60
_SENTENCE = _("{place}: {reason}.")
_FILE = _("{file}")
_LINE = _("{file}, line {line}")
_CELL = _("{file}, line {line}, column {column!r}")


def shorten(value: object) -> str:
    """Return *value* as text of at most sixty characters, for messages."""
    text = str(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _filled(template: Text, facts: Mapping[str, Any], locale: str | None) -> str:
    shown = {key: translate(fact, locale) if isinstance(fact, Text) else fact for key, fact in facts.items()}
    return translate(template, locale).format_map(shown)


class SourceError(CrmkitError):
    """A file cannot be read as it is; the import stops.

    ``file``, ``line`` and ``column`` say where (as far as it is known), ``reason`` what was refused and
    ``accepted`` what to give instead. Both are templates that the other facts fill.
    """

    code = "source"
    template = _SENTENCE

    def __init__(
        self,
        file: str,
        reason: Text,
        accepted: Text | None = None,
        *,
        line: int | None = None,
        column: str | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(file=file, reason=reason, accepted=accepted, line=line, column=column, **facts)

    def localized(self, locale: str | None = None) -> str:
        """Return place, reason and what would be accepted as one text."""
        sentence = translate(self.template, locale).format(place=self.place(locale), reason=self.why(locale))
        hint = self.hint(locale)
        return f"{sentence} {hint}." if hint else sentence

    def place(self, locale: str | None = None) -> str:
        """Return file, line and column, as far as they are known."""
        facts = self.facts
        template = _FILE if facts["line"] is None else _LINE if facts["column"] is None else _CELL
        return _filled(template, facts, locale)

    def why(self, locale: str | None = None) -> str:
        """Return the reason alone."""
        return _filled(self.facts["reason"], self.facts, locale)

    def hint(self, locale: str | None = None) -> str:
        """Return what would be accepted; empty where the reason says it already."""
        accepted = self.facts["accepted"]
        return _filled(accepted, self.facts, locale) if accepted else ""


class SourceMissingError(SourceError):
    """The file is not there."""

    code = "source-missing"
    template = _SENTENCE


class SourceFormatError(SourceError):
    """The file is of no kind that can be read."""

    code = "source-format"
    template = _SENTENCE


class SourceProtectedError(SourceError):
    """The workbook needs a password."""

    code = "source-protected"
    template = _SENTENCE


class SourceEncodingError(SourceError):
    """The bytes are not text in the encoding that was stated or found."""

    code = "source-encoding"
    template = _SENTENCE


class SourceEmptyError(SourceError):
    """The file has no row of column names."""

    code = "source-empty"
    template = _SENTENCE


class DuplicateColumnsError(SourceError):
    """Two columns have the same name."""

    code = "source-duplicate-columns"
    template = _SENTENCE


class MissingColumnsError(SourceError):
    """The plan names columns that the file has not."""

    code = "source-missing-columns"
    template = _SENTENCE


class RowTooLongError(SourceError):
    """A row does not end: most often a quotation mark that is never closed."""

    code = "source-row-too-long"
    template = _SENTENCE


class SourceTooLargeError(SourceError):
    """A workbook would unpack to far more than a workbook holds."""

    code = "source-too-large"
    template = _SENTENCE


class SourceDamagedError(SourceError):
    """The workbook is not put together as the standard says (ECMA-376)."""

    code = "source-damaged"
    template = _SENTENCE


class CellProblem(SourceError):
    """One row, or one cell of it, is refused; the others go on. Collected in the error file."""

    code = "import-cell"
    template = _SENTENCE

    def __init__(
        self,
        file: str,
        reason: Text,
        accepted: Text | None = None,
        *,
        line: int | None = None,
        column: str | None = None,
        value: object = "",
        **facts: Any,
    ) -> None:
        shown = shorten(value)
        super().__init__(file, reason, accepted, line=line, column=column, value=shown, **facts)


class PlanError(CrmkitError):
    """An import plan says something that is not understood, or that does not fit the CRM."""

    code = "import-plan"
    template = _("{where}: {message}")

    def __init__(self, where: str, message: Text, **facts: Any) -> None:
        super().__init__(where=where, message=message, **facts)

    def localized(self, locale: str | None = None) -> str:
        """Return the place in the plan and what is wrong there."""
        message = _filled(self.facts["message"], self.facts, locale)
        return translate(self.template, locale).format(where=self.facts["where"], message=message)


class ImportRunningError(CrmkitError):
    """Somebody runs the same plan on this database; two at once would write into each other's error files."""

    code = "import-running"
    template = _(
        "The import {plan!r} is running already. Start it again when it has ended; "
        "give another plan that shall run beside it another name."
    )

    def __init__(self, plan: str) -> None:
        super().__init__(plan=plan)


class DryRunTooLargeError(CrmkitError):
    """A dry run has more rows than others shall wait for: on PostgreSQL it holds the records that it would change."""

    code = "dry-run-too-large"
    template = _(
        "A dry run takes up to {most} rows here, because others wait for the records that it would change. "
        "Try the first rows of the files."
    )

    def __init__(self, most: int) -> None:
        super().__init__(most=most)


class ExportError(CrmkitError):
    """A format cannot hold what was to be written to it."""

    code = "export"
    template = _("{file}: {format} cannot hold {what}. Export it as {instead}.")

    def __init__(self, file: str, format: str, what: str, instead: str) -> None:
        super().__init__(file=file, format=format, what=what, instead=instead)


class ExportTargetError(CrmkitError):
    """No file can be made where the export is to go, or its name does not say of which kind."""

    code = "export-target"
    template = _("{file}: {message}")

    def __init__(self, file: str, message: Text) -> None:
        super().__init__(file=file, message=message)
