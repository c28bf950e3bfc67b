"""Column names, and the problems of rows that do not fit them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches

from crmkit.core.text import gettext as _
from crmkit.transfer.cells import Cell, Row, cell_text
from crmkit.transfer.errors import CellProblem, DuplicateColumnsError, MissingColumnsError, SourceEmptyError

__all__ = ["check_header", "ragged", "require_columns", "too_long"]


def check_header(file: str, line: int, cells: Sequence[Cell]) -> tuple[str, ...]:
    """Return the column names; a column without a name cannot be addressed, but is no error.

    Raises:
        DuplicateColumnsError: two columns have the same name.
        SourceEmptyError: no column has a name.
    """
    names = tuple(cell_text(cell).strip("\ufeff \t\r\n") for cell in cells)
    repeated = [name for name, count in Counter(filter(None, names)).items() if count > 1]
    if repeated:
        raise DuplicateColumnsError(
            file,
            _("more than one column is named {columns}"),
            _("Give each column its own name"),
            line=line,
            columns=", ".join(repeated),
        )
    if not any(names):
        raise SourceEmptyError(file, _("no column has a name"), _("The first row must name the columns"), line=line)
    return names


def require_columns(file: str, present: Sequence[str], wanted: Sequence[str]) -> None:
    """Check that every column that a plan names is there.

    Raises:
        MissingColumnsError: some are not; lists those that are, with the closest matches first.
    """
    missing = [name for name in wanted if name not in present]
    if missing:
        close = [match for name in missing for match in get_close_matches(name, present, n=1)]
        rest = [name for name in present if name and name not in close]
        raise MissingColumnsError(
            file,
            _("the plan names columns that the file has not: {missing}"),
            _("The file has: {present}"),
            missing=", ".join(missing),
            present=", ".join([*dict.fromkeys(close), *rest]),
        )


def ragged(file: str, row: Row, width: int) -> CellProblem:
    """Return the problem of a row with too many or too few cells."""
    return CellProblem(
        file,
        _("the row has {count} cells"),
        _("As many as there are column names: {width}"),
        line=row.line,
        value=" | ".join(cell_text(cell) for cell in row.cells[:8]),
        count=len(row.cells),
        width=width,
    )


def too_long(file: str, line: int, column: str, cell: str, limit: int) -> CellProblem:
    """Return the problem of a cell over the limit."""
    return CellProblem(
        file,
        _("the cell has {count} characters"),
        _("At most {limit} characters"),
        line=line,
        column=column,
        value=cell,
        count=len(cell),
        limit=limit,
    )
