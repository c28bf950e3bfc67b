"""What the workbook says about itself: its sheets, its date system, which number formats are dates."""

from __future__ import annotations

import posixpath
import re
from typing import Literal

import attrs

from crmkit.core.text import gettext as _
from crmkit.transfer.errors import SourceFormatError
from crmkit.transfer.xlsx.container import Container, resolve
from crmkit.transfer.xlsx.xml import local_name, parse, whole

__all__ = ["Book", "DateKind", "read_book"]

DateKind = Literal["", "date", "datetime", "time"]
_MAIN = re.compile(r"application/vnd\..*(sheet|template)\.(macroEnabled\.)?main\+xml")


@attrs.frozen
class Book:
    """The parts of a workbook, and how its numbers are to be read."""

    #: Visible sheets by name, in order: the part of each.
    sheets: dict[str, str]
    #: The part of the shared strings, if there are any.
    strings: str | None
    #: By style number: what a number in that style means.
    styles: tuple[DateKind, ...]
    #: Dates count from 1904 (old Macintosh workbooks) rather than from 1900.
    from_1904: bool


def read_book(container: Container) -> Book:
    """Return what the workbook says about itself.

    Raises:
        SourceFormatError: the zip file is no workbook.
        SourceDamagedError: parts are missing or broken.
    """
    main = _main_part(container)
    folder = posixpath.dirname(main)
    related = _relations(container, f"{folder}/_rels/{posixpath.basename(main)}.rels".lstrip("/"))
    targets = {key: (kind, resolve(folder, target)) for key, (kind, target) in related.items()}
    reader = _Workbook()
    reader.read(container, main)
    by_kind = {kind.rpartition("/")[2]: target for kind, target in targets.values()}
    sheets = {name: targets[key][1] for name, key in reader.sheets if key in targets}
    styles = by_kind.get("styles")
    return Book(
        sheets=sheets,
        strings=by_kind.get("sharedStrings"),
        styles=_styles(container, styles) if styles and container.has(styles) else (),
        from_1904=reader.from_1904,
    )


def _main_part(container: Container) -> str:
    """Return the workbook part; a zip file without one is something else: a document, an archive."""
    if container.has("_rels/.rels"):
        for kind, target in _relations(container, "_rels/.rels").values():
            part = resolve("", target)
            if kind.endswith("/officeDocument") and "workbook" in part.lower() and not part.endswith(".bin"):
                return part
    raise SourceFormatError(
        container.file,
        _("it is a zip file, but no Excel workbook (.xlsx)"),
        _("Save it as an Excel workbook (.xlsx) or as CSV"),
    )


def _relations(container: Container, part: str) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        if local_name(name) == "Relationship":
            found[attributes.get("Id", "")] = (attributes.get("Type", ""), attributes.get("Target", ""))

    for _piece in parse(container, part, start, _ignore, _ignore):
        pass
    return found


def _ignore(_event: object) -> None:
    """Take no notice of an event."""


class _Workbook:
    """The sheets in order, as names and relation keys."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.from_1904 = False

    def read(self, container: Container, part: str) -> None:
        for _piece in parse(container, part, self._start, _ignore, _ignore):
            pass

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        match local_name(name):
            case "workbookPr":
                self.from_1904 = attributes.get("date1904", "0") in ("1", "true")
            case "sheet" if attributes.get("state", "visible") == "visible":
                key = next((value for key, value in attributes.items() if local_name(key) == "id"), "")
                self.sheets.append((attributes.get("name", ""), key))


# ECMA-376 part 1, 18.8.30: the built-in formats; 27-36 and 50-58 are dates in the East Asian versions.
_BUILT_IN: dict[int, DateKind] = {
    **dict.fromkeys([*range(14, 18), *range(27, 32), 36, *range(50, 55), 57, 58], "date"),
    **dict.fromkeys([18, 19, 20, 21, 32, 33, 34, 35, 55, 56], "time"),
    22: "datetime",
}
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?![hms]+\])[^\]]*\]', re.IGNORECASE)


def _styles(container: Container, part: str) -> tuple[DateKind, ...]:
    custom: dict[int, DateKind] = {}
    styles: list[DateKind] = []
    inside = False

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal inside
        match local_name(name):
            case "numFmt":
                custom[whole(attributes.get("numFmtId"), 0)] = _kind(attributes.get("formatCode", ""))
            case "cellXfs":
                inside = True
            case "xf" if inside:
                number = whole(attributes.get("numFmtId"), 0)
                styles.append(custom.get(number) or _BUILT_IN.get(number, ""))

    def end(name: str) -> None:
        nonlocal inside
        inside = inside and local_name(name) != "cellXfs"

    for _piece in parse(container, part, start, end, _ignore):
        pass
    return tuple(styles)


def _kind(code: str) -> DateKind:
    """Return what a number format shows: ``yyyy-mm-dd`` a date, ``0.00`` a number."""
    bare = _LITERAL.sub("", code.split(";")[0]).lower()
    if "general" in bare or "[" in bare:
        # [h]:mm is a duration: a number of days.
        return ""
    day, hour = "y" in bare or "d" in bare, "h" in bare or "s" in bare
    if day and hour:
        return "datetime"
    return "date" if day or ("m" in bare and not hour) else "time" if hour else ""
