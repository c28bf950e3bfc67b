from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings, strategies as st

from crmkit.transfer.cells import Limits
from crmkit.transfer.errors import (
    DuplicateColumnsError,
    MissingColumnsError,
    RowTooLongError,
    SourceEmptyError,
    SourceFormatError,
    SourceMissingError,
)
from crmkit.transfer.header import require_columns
from crmkit.transfer.neutral import restore
from crmkit.transfer.sources import FileOptions, open_source


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found(put, read, delimiter):
    text = "name,city,amount\nAcme,Berlin,5\nGlobex,上海,7\n".replace(",", delimiter)

    columns, rows = read(put(text))

    assert columns == ("name", "city", "amount")
    assert list(rows[1].cells) == ["Globex", "上海", "7"]


def test_delimiter_is_that_of_the_header_not_of_decimal_commas(put, read):
    columns, rows = read(put('name;amount\n"Acme; Sons";1.234,50\nGlobex;7,00\n'))

    assert columns == ("name", "amount")
    assert list(rows[0].cells) == ["Acme; Sons", "1.234,50"]


def test_a_file_with_one_column_has_one_column(put, read):
    assert read(put("name\nAcme\n\nGlobex\n"))[0] == ("name",)


def test_the_line_that_excel_writes_for_itself_is_obeyed_and_counted(put, read):
    columns, rows = read(put("sep=;\r\nname;city\r\nAcme;Berlin\r\n"))

    assert columns == ("name", "city")
    assert rows[0].line == 3


def test_a_row_has_the_physical_line_on_which_it_begins(put, read):
    _columns, rows = read(put('name,note\nAcme,"one\ntwo\r\nthree"\n\nGlobex,x\r\nInitech,y'))

    assert [(row.line, row.cells[0]) for row in rows] == [(2, "Acme"), (6, "Globex"), (7, "Initech")]
    assert rows[0].cells[1] == "one\ntwo\r\nthree"


def test_the_header_may_stand_further_down(put, read):
    columns, rows = read(put("Deals of 2026\nprinted today\nname,city\nAcme,Berlin\n"), FileOptions(header=3))

    assert columns == ("name", "city")
    assert rows[0].line == 4


def test_a_ragged_row_is_a_problem_of_that_row_alone(put, read):
    _columns, rows = read(put("name,city\nAcme\nGlobex,Berlin\nInitech,Bonn,extra\n"))

    assert [bool(row.problems) for row in rows] == [True, False, True]
    assert list(rows[2].cells) == ["Initech", "Bonn", "extra"]
    assert str(rows[0].problems[0]) == ("deals.csv, line 2: the row has 1 cells. As many as there are column names: 2.")


def test_an_open_quotation_mark_costs_its_own_line_only(put, read):
    text = 'name,city\nAcme,"Berlin\nGlobex,Bonn\nInitech,"Köln" am Rhein\nHooli,Ulm\n'

    _columns, rows = read(put(text))

    assert [(row.line, row.cells[0], bool(row.problems)) for row in rows] == [
        (2, "Acme", True),
        (3, "Globex", False),
        (4, "Initech", True),
        (5, "Hooli", False),
    ]
    assert "quotation mark" in str(rows[0].problems[0])


def test_a_file_full_of_open_quotation_marks_is_refused(put, read):
    with pytest.raises(RowTooLongError, match=r"line 302: a quotation mark"):
        read(put("name,city\n" + 'a,"b"c\nx,y\nz,w\n' * 200))


def test_a_cell_over_the_limit_is_a_problem_of_that_cell(put, read):
    _columns, rows = read(put(f"name,city\nAcme,{'x' * 10_000_000}\nGlobex,Bonn\n"))

    (problem,) = rows[0].problems
    assert (problem.line, problem.column, problem.count, problem.limit) == (2, "city", 10_000_000, 1_000_000)
    assert len(str(problem)) < 200
    assert not rows[1].problems


def test_a_row_without_end_stops_the_file_before_it_fills_the_memory(put, read):
    with pytest.raises(RowTooLongError, match="line 2: a row has more than 1000 characters"):
        read(put("name,city\nAcme," + "x" * 5000 + "\n"), limits=Limits(cell=100, row=1000))
    with pytest.raises(RowTooLongError, match="line 1"):
        read(put("x" * 5000), limits=Limits(cell=100, row=1000))


def test_a_nul_character_is_a_problem_of_that_cell(put, read):
    _columns, rows = read(put("name,city\n" + "Globex,Bonn\n" * 20 + "Ac\0me,Berlin\n"))

    assert str(rows[20].problems[0]) == (
        "deals.csv, line 22, column 'name': the cell holds a NUL character. Remove it."
    )


def test_duplicate_column_names_are_refused(put, read):
    with pytest.raises(DuplicateColumnsError, match="line 1: more than one column is named city"):
        read(put("name,city,city\nAcme,Berlin,Bonn\n"))


@pytest.mark.parametrize("text", ["", "\n\n", ",,\n,,\n", "\ufeff"])
def test_an_empty_file_is_refused(put, text):
    with pytest.raises(SourceEmptyError):
        open_source(put(text))


def test_a_missing_file_is_refused_with_its_neighbours(put, tmp_path):
    put("name\n", "accounts.csv")

    with pytest.raises(SourceMissingError, match=r"deals\.csv: .*The files there are: accounts\.csv"):
        open_source(tmp_path / "deals.csv")


@pytest.mark.parametrize(("head", "kind"), [(b"%PDF-1.7\n", "PDF"), (b"\x1f\x8b\x08\x00", "gzip")])
def test_a_file_of_another_kind_is_named(put, head, kind):
    with pytest.raises(SourceFormatError, match=f"it is a {kind} file"):
        open_source(put(head))


def test_missing_columns_are_listed_with_close_matches_first():
    with pytest.raises(MissingColumnsError) as caught:
        require_columns("deals.csv", ("id", "ammount", "city"), ["amount", "city"])

    assert str(caught.value) == (
        "deals.csv: the plan names columns that the file has not: amount. The file has: ammount, id, city."
    )


def test_reading_tells_how_far_it_is(put):
    with open_source(put("name,city\n" + "Acme,Berlin\n" * 50_000)) as source:
        rows = source.rows()
        seen = [source.fraction() for _row in rows]

    assert seen == sorted(seen)
    assert seen[0] < 0.6
    assert source.fraction() == 1.0


cell = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=12)


@settings(deadline=None)
@given(
    table=st.integers(2, 5).flatmap(lambda width: st.lists(st.lists(cell, min_size=width, max_size=width), max_size=8)),
    delimiter=st.sampled_from(",;\t|"),
    terminator=st.sampled_from(["\n", "\r\n"]),
)
def test_what_a_csv_writer_wrote_is_read(tmp_path_factory, table, delimiter, terminator):
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=terminator, quoting=csv.QUOTE_ALL)
    width = len(table[0]) if table else 2
    writer.writerows([[f"c{number}" for number in range(width)], *table])
    path = tmp_path_factory.mktemp("csv") / "cells.csv"
    path.write_text(buffer.getvalue(), encoding="utf-8", newline="")

    with open_source(path, FileOptions(delimiter=delimiter)) as source:
        rows = list(source.rows())

    # An apostrophe before = and the like belongs to the file, not to the text (see neutral.py).
    expected = [[restore(text) for text in row] for row in table if any(row)]
    assert [list(row.cells) for row in rows] == expected
