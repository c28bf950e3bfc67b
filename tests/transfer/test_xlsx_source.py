from __future__ import annotations

import random
import struct
import subprocess
import sys
import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import given, settings, strategies as st

from crmkit.transfer.cells import Limits
from crmkit.transfer.errors import (
    DuplicateColumnsError,
    RowTooLongError,
    SourceDamagedError,
    SourceEmptyError,
    SourceFormatError,
    SourceProtectedError,
    SourceTooLargeError,
)
from crmkit.transfer.sources import FileOptions, open_source

SHEET = "xl/worksheets/sheet1.xml"


@pytest.fixture
def book(tmp_path):
    """Write a workbook with one sheet of cells; a function among them writes its own cell."""

    def write(rows, name="deals.xlsx", **options) -> Path:
        path = tmp_path / name
        with xlsxwriter.Workbook(str(path), options) as workbook:
            sheet = workbook.add_worksheet("Deals")
            for number, row in enumerate(rows):
                for column, cell in enumerate(row):
                    cell(workbook, sheet, number, column) if callable(cell) else sheet.write(number, column, cell)
        return path

    return write


def styled(value, code):
    return lambda book, sheet, row, column: sheet.write(row, column, value, book.add_format({"num_format": code}))


def formula(text, result):
    return lambda _book, sheet, row, column: sheet.write_formula(row, column, text, None, result)


def edit(path: Path, part: str, change) -> Path:
    """Rewrite one part of a workbook."""
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    parts[part] = change(parts.get(part, b""))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in parts.items():
            new.writestr(name, data)
    return path


def test_numbers_are_exact_and_whole_numbers_are_integers(book, read):
    _columns, rows = read(book([["a", "b", "c", "d"], [1.0, 1.1, -0.25, 12345678901]]))

    assert list(rows[0].cells) == [1, Decimal("1.1"), Decimal("-0.25"), 12345678901]
    assert type(rows[0].cells[0]) is int


@pytest.mark.parametrize(
    ("serial", "code", "value"),
    [
        (42736, "mm/dd/yyyy", date(2017, 1, 1)),
        (42736.5, "yyyy-mm-dd hh:mm", datetime(2017, 1, 1, 12)),  # noqa: DTZ001
        (1, "d. mmm yy", date(1900, 1, 1)),
        (59, "yyyy-mm-dd", date(1900, 2, 28)),
        (61, "yyyy-mm-dd", date(1900, 3, 1)),
        (42736, 'yyyy"年"m"月"d"日"', date(2017, 1, 1)),
        (0.40625, "hh:mm", "09:45:00"),
        (1.5, "[h]:mm", Decimal("1.5")),
        (7, '0.00 "days"', 7),
        (7, "[Red]#,##0.00", 7),
    ],
)
def test_a_number_in_a_date_format_is_a_date(book, read, serial, code, value):
    _columns, rows = read(book([["on"], [styled(serial, code)]]))

    assert rows[0].cells[0] == value
    assert type(rows[0].cells[0]) is type(value)


def test_dates_of_old_macintosh_workbooks_count_from_1904(book, read):
    path = book([["on"], [styled(date(2017, 1, 1), "yyyy-mm-dd")]], default_date_format="yyyy-mm-dd", date_1904=True)

    assert read(path)[1][0].cells[0] == date(2017, 1, 1)


def test_booleans_texts_and_gaps(book, read):
    rows = [
        ["a", "b", "c"],
        [True, None, "x"],
        [None, None, None],
        [False, " y ", None],
        ["_x000D_", "é\n中", "=1"],
    ]
    path = book(rows, strings_to_formulas=False)

    _columns, read_rows = read(path)

    assert [row.line for row in read_rows] == [2, 4, 5]
    assert list(read_rows[0].cells) == [True, "", "x"]
    assert list(read_rows[1].cells) == [False, " y ", ""]
    assert list(read_rows[2].cells) == ["_x000D_", "é\n中", "=1"]


def test_rich_text_is_text_without_its_phonetic_reading(book, read):
    xml = "<si><r><t>東京</t></r><r><t> 本社</t></r><rPh sb='0' eb='2'><t>トウキョウ</t></rPh></si>".encode()
    path = book([["city"], ["PLACE"]])
    edit(path, "xl/sharedStrings.xml", lambda old: old.replace(b"<si><t>PLACE</t></si>", xml))

    assert read(path)[1][0].cells[0] == "東京 本社"


def test_a_formula_counts_with_its_saved_result_and_without_one_is_a_problem(book, read):
    path = book([["a", "b"], [formula("=1+1", 2), "x"], [formula("=1+1", 0), "y"], [formula("=A9", "text"), "z"]])
    edit(path, SHEET, lambda old: old.replace(b"</f><v>0</v>", b"</f><v></v>", 1))

    _columns, rows = read(path)

    assert [row.cells[0] for row in rows] == [2, "", "text"]
    assert str(rows[1].problems[0]) == (
        "deals.xlsx, line 3, column 'a': the cell holds a formula without a saved result. "
        "Calculate and save the workbook, or replace the cell by its value."
    )


def test_a_cell_that_shows_an_error_is_a_problem(book, read):
    path = book([["a"], [formula("=1/0", "#DIV/0!")]])

    (problem,) = read(path)[1][0].problems

    assert problem.value == "#DIV/0!"


def test_cells_beyond_the_last_column_name_are_a_problem(book, read):
    _columns, rows = read(book([["a", "b"], [1, 2, 3], [1]]))

    assert "the row has 3 cells" in str(rows[0].problems[0])
    assert list(rows[1].cells) == [1, ""]


def test_a_workbook_with_several_sheets_needs_one_stated(tmp_path, read):
    path = tmp_path / "deals.xlsx"
    with xlsxwriter.Workbook(str(path)) as workbook:
        workbook.add_worksheet("One").write(0, 0, "first")
        workbook.add_worksheet("Two").write(0, 0, "second")
        workbook.add_worksheet("Hidden").hide()

    with pytest.raises(SourceFormatError, match=r"several sheets.*: One, Two\."):
        open_source(path)
    with pytest.raises(SourceFormatError, match="no visible sheet 'Three'"):
        open_source(path, FileOptions(sheet="Three"))

    assert read(path, FileOptions(sheet="Two"))[0] == ("second",)


def test_the_header_may_stand_further_down(book, read):
    path = book([["Deals of 2026"], [], ["name", "city"], ["Acme", "Berlin"]])

    columns, rows = read(path, FileOptions(header=3))

    assert columns == ("name", "city")
    assert rows[0].line == 4


def test_an_empty_sheet_and_repeated_names_are_refused(book):
    with pytest.raises(SourceEmptyError):
        open_source(book([]))
    with pytest.raises(DuplicateColumnsError, match="more than one column is named a"):
        open_source(book([["a", "a"]]))


def test_element_names_may_have_a_prefix(book, read):
    path = book([["a"], ["x"], [2]])

    def prefix(xml: bytes) -> bytes:
        xml = xml.replace(b"</", b"</x:").replace(b"<", b"<x:").replace(b"<x:/x:", b"</x:")
        return xml.replace(b"<x:?", b"<?").replace(b"xmlns=", b"xmlns:x=")

    for part in (SHEET, "xl/sharedStrings.xml", "xl/workbook.xml"):
        edit(path, part, prefix)

    assert [row.cells[0] for row in read(path)[1]] == ["x", 2]


# Hostile and broken files


def test_a_file_with_a_password_is_named(put):
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 1000

    with pytest.raises(SourceProtectedError, match="protected with a password"):
        open_source(put(ole + "EncryptedPackage".encode("utf-16-le"), "deals.xlsx"))
    with pytest.raises(SourceFormatError, match="Excel 97 or older"):
        open_source(put(ole + "Workbook".encode("utf-16-le"), "deals.xls"))


def test_a_zip_file_that_is_no_workbook_is_named(tmp_path):
    path = tmp_path / "deals.xlsx"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("word/document.xml", "<x/>")

    with pytest.raises(SourceFormatError, match="no Excel workbook"):
        open_source(path)


def test_a_truncated_workbook_is_named(book, put):
    whole = book([["a"], [1]]).read_bytes()

    with pytest.raises(SourceDamagedError, match="cut off"):
        open_source(put(whole[:-400], "short.xlsx"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda xml: xml.replace(b"</row>", b"", 1), "no XML"),
        (lambda xml: xml.replace(b'r="2"', b'r="1"'), "row 1 is out of order"),
        (lambda xml: xml.replace(b'r="2"', b'r="99999999"'), "row 99999999 is out of order"),
        (lambda xml: xml.replace(b'r="A2"', b'r="ZZZZ2"'), "column ZZZZ does not exist"),
        (lambda xml: xml.replace(b'r="A2"', b'r="XFE2"'), "cell XFE2 is out of order"),
        (
            lambda xml: xml.replace(
                b"<worksheet", b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><worksheet', 1
            ),
            "document type",
        ),
        (
            lambda xml: xml.replace(
                b"<worksheet",
                b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><worksheet',
                1,
            ),
            "document type",
        ),
        (
            lambda xml: xml.replace(b'r="A2"', b'r="' + random.Random(1).randbytes(3_000_000).hex().encode() + b'"'),
            "a tag of several megabytes",
        ),
    ],
)
def test_a_damaged_or_hostile_sheet_is_refused(book, read, change, message):
    with pytest.raises(SourceDamagedError, match=message):
        read(edit(book([["a"], ["x"]]), SHEET, change))


def test_a_part_with_a_wrong_checksum_is_refused(book, read):
    path = book([["a"], ["x" * 300]])
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as file:
        place = file.getinfo(SHEET).header_offset
    data[place + 60] ^= 0xFF
    path.write_bytes(data)

    with pytest.raises(SourceDamagedError):
        read(path)


def test_a_row_over_the_limit_is_refused_also_through_shared_texts(book, read):
    path = book([["a", "b", "c"], ["x" * 90] * 3])

    with pytest.raises(RowTooLongError, match="line 2: the row has more than 200 characters"):
        read(path, limits=Limits(cell=100, row=200))


def test_a_cell_over_the_limit_is_a_problem_of_that_cell(book, read):
    _columns, rows = read(book([["a"], ["x" * 150], ["y"]]), limits=Limits(cell=100, row=2000))

    assert (rows[0].problems[0].code, rows[0].problems[0].column) == ("import-cell", "a")
    assert not rows[1].problems


# Run where peak memory can be measured: prints seconds, megabytes above the start, and what was raised.
MEASURE = """
import resource, sys, time
from pathlib import Path
from crmkit.transfer.errors import SourceError
from crmkit.transfer.sources import open_source
import crmkit.transfer.xlsx_source
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
rows, said = 0, ""
try:
    with open_source(Path(sys.argv[1])) as source:
        for row in source.rows():
            rows += 1
except SourceError as error:
    said = error.code
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(time.monotonic() - start, (after - before) / 1024, rows, said)
"""


def measure(path: Path) -> tuple[float, float, int, str]:
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", MEASURE, str(path)], capture_output=True, text=True, check=True
    )
    seconds, megabytes, rows, *said = run.stdout.split()
    return float(seconds), float(megabytes), int(rows), " ".join(said)


def test_a_decompression_bomb_is_refused_at_once(book):
    path = edit(book([["a"], ["x"]]), SHEET, lambda xml: xml.replace(b"<row ", b"<row " + b" " * 100_000_000, 1))

    seconds, megabytes, _rows, said = measure(path)

    assert said == "source-too-large"
    assert seconds < 2
    assert megabytes <= 64


def test_a_bomb_of_shared_texts_is_refused_at_once(book):
    path = edit(
        book([["a"], ["x"]]),
        "xl/sharedStrings.xml",
        lambda xml: xml.replace(b"<t>x", b"<t>" + b"x" * 100_000_000),
    )

    seconds, megabytes, _rows, said = measure(path)

    assert (said, seconds < 2, megabytes <= 64) == ("source-too-large", True, True)


def test_a_zip_directory_of_a_million_parts_is_refused_before_it_is_read(book):
    data = bytearray(book([["a"]]).read_bytes())
    struct.pack_into("<I", data, data.rfind(b"PK\x05\x06") + 12, 80_000_000)
    path = book([["a"]])
    path.write_bytes(data)

    with pytest.raises(SourceTooLargeError, match="more parts than any workbook"):
        open_source(path)


def test_a_workbook_that_unpacks_to_more_than_the_limit_is_refused(book):
    with pytest.raises(SourceTooLargeError, match="it would unpack to"):
        open_source(book([["a"]]), limits=Limits(unpacked=1000))


def test_two_far_cells_cost_no_memory(book):
    """A reader that builds the rectangle between them needs half a terabyte."""
    path = book([["a"]])
    far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    edit(path, SHEET, lambda xml: xml.replace(b"</sheetData>", far))

    seconds, megabytes, rows, said = measure(path)

    assert (rows, said, seconds < 2, megabytes <= 64) == (1, "", True, True)


def test_memory_stays_flat_while_a_large_sheet_is_read(book):
    words = [f"{number:x}" for number in range(12_000)]
    path = book([["a", "b", "c", "d"], *([f"shared text {word}", n, n / 3, "same"] for n, word in enumerate(words))])

    seconds, megabytes, rows, said = measure(path)

    assert (rows, said) == (12_000, "")
    assert megabytes <= 64
    assert seconds < 20


def test_shared_texts_are_found_when_they_have_moved_to_the_disk(book, read, monkeypatch):
    monkeypatch.setattr("crmkit.transfer.xlsx.strings._IN_MEMORY", 100)
    monkeypatch.setattr("crmkit.transfer.xlsx.strings._CACHED", 5)
    texts = [f"text {number % 70} 中" for number in range(200)]

    _columns, rows = read(book([["a"], *([text] for text in texts)]))

    assert [row.cells[0] for row in rows] == texts


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
cells = st.one_of(
    text,
    st.integers(-(10**14), 10**14),
    st.booleans(),
    st.decimals(-(10**6), 10**6, places=3).map(lambda number: int(number) if number == int(number) else number),
)


@settings(deadline=None, max_examples=60)
@given(table=st.lists(st.lists(cells, min_size=3, max_size=3), max_size=6), in_order=st.booleans())
def test_what_a_workbook_writer_wrote_is_read(tmp_path_factory, table, in_order):
    path = tmp_path_factory.mktemp("xlsx") / "cells.xlsx"
    options = {"constant_memory": in_order, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(path), options) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, ["a", "b", "c"])
        for number, row in enumerate(table, 1):
            for column, cell in enumerate(row):
                writer = {str: sheet.write_string, bool: sheet.write_boolean}.get(type(cell), sheet.write_number)
                writer(number, column, cell)

    with open_source(path) as source:
        rows = [list(row.cells) for row in source.rows()]

    expected = [[str(c) if isinstance(c, str) else c for c in row] for row in table if any(c != "" for c in row)]
    assert [[c for c in row if c != ""] for row in rows] == [[c for c in row if c != ""] for row in expected]
