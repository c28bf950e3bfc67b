from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings, strategies as st

from crmkit.core.text import gettext as _
from crmkit.transfer.cells import Row
from crmkit.transfer.errors import CellProblem
from crmkit.transfer.errors_file import COLUMNS, Rejects, error_file_name, merge_rejects
from crmkit.transfer.sources import FileOptions, open_source


def problem(line: int, column: str | None = None, value: str = "") -> CellProblem:
    return CellProblem("deals.csv", _("is not known"), _("Take another"), line=line, column=column, value=value)


@pytest.fixture
def reject(tmp_path):
    """Reject rows in one step, and return the file of that step."""

    def keep(step: str, *rows: Row, **options):
        rejects = Rejects(tmp_path / step, **options)
        for row in rows:
            rejects.add(row, row.problems)
        rejects.flush()
        rejects.close()
        return rejects.path

    return keep


def test_an_error_file_shows_place_reason_and_the_row(tmp_path, reject):
    kept = reject("one", Row(7, ["A1", "GTXPro"], (problem(7, "product", "GTXPro"), problem(7))))
    target = tmp_path / "deals.errors.csv"

    assert merge_rejects([kept], ["id", "product"], target) == 1
    assert target.read_bytes().startswith(b"\xef\xbb\xbf")
    assert target.read_text("utf-8-sig").splitlines() == [
        "crmkit:line,crmkit:column,crmkit:reason,id,product",
        "7,product,'GTXPro': is not known (Take another); is not known (Take another),A1,GTXPro",
    ]
    assert not kept.exists()


def test_rows_that_several_steps_reject_stand_once_in_the_order_of_the_file(tmp_path, reject):
    first = reject("one", Row(3, ["c"], (problem(3, "x"),)), Row(9, ["i"], (problem(9),)))
    second = reject("two", Row(2, ["b"], (problem(2),)), Row(3, ["c"], (problem(3, "y"),)))
    target = tmp_path / "deals.errors.csv"

    assert merge_rejects([first, second], ["name"], target) == 3

    with open_source(target) as source:
        assert [(row.line, list(row.cells)) for row in source.rows()] == [(2, ["b"]), (3, ["c"]), (9, ["i"])]
    assert "3,x; y," in target.read_text("utf-8-sig")


def test_without_rejected_rows_there_is_no_error_file(tmp_path, reject):
    assert merge_rejects([reject("one")], ["name"], tmp_path / "deals.errors.csv") == 0
    assert not list(tmp_path.iterdir())


def test_an_error_file_that_somebody_may_be_correcting_is_kept(tmp_path, reject):
    target = tmp_path / "deals.errors.csv"
    target.write_text("half corrected")

    merge_rejects([reject("one")], ["name"], target)

    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [
        ("deals.errors.csv.old", "half corrected")
    ]


def test_what_was_not_flushed_before_a_crash_is_forgotten(tmp_path):
    path = tmp_path / "one"
    rejects = Rejects(path)
    rejects.add(Row(2, ["kept"]), [problem(2)])
    size = rejects.flush()
    rejects.add(Row(3, ["lost"]), [problem(3)])
    rejects.close()

    resumed = Rejects(path, keep=size)
    resumed.add(Row(3, ["again"]), [problem(3)])
    resumed.close()

    merge_rejects([path], ["name"], tmp_path / "e.csv")
    with open_source(tmp_path / "e.csv") as source:
        assert [list(row.cells) for row in source.rows()] == [["kept"], ["again"]]


def test_numbers_of_a_workbook_are_written_as_the_plan_reads_them(tmp_path, reject):
    kept = reject("one", Row(2, [Decimal("1100.04"), True], (problem(2),)), decimal=",")
    merge_rejects([kept], ["a", "b"], tmp_path / "e.csv")

    with open_source(tmp_path / "e.csv") as source:
        assert list(next(source.rows()).cells) == ["1100,04", "true"]


@pytest.mark.parametrize(("delimiter", "encoding"), [(";", "cp1252"), ("\t", "utf-16"), (",", "gb18030")])
def test_an_error_file_is_recognised_however_a_spreadsheet_saved_it(put, delimiter, encoding):
    name = {"cp1252": "Müller", "utf-16": "Müller", "gb18030": "王伟李娜"}[encoding]
    text = f"{','.join(COLUMNS)},id,name\n7,x,why,A1,{name}\n,,,A2,{name}\n".replace(",", delimiter)
    path = put(text, "deals.errors.csv", encoding)

    with open_source(path, FileOptions(encoding="utf-8", delimiter="|", header=4)) as source:
        assert source.columns == ("id", "name")
        assert [(row.line, list(row.cells)) for row in source.rows()] == [(7, ["A1", name]), (3, ["A2", name])]


def test_the_error_file_of_an_error_file_keeps_the_name():
    assert error_file_name("deals.csv") == "deals.errors.csv"
    assert error_file_name("deals.xlsx") == "deals.errors.csv"
    assert error_file_name("deals.errors.csv") == "deals.errors.csv"


cell = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10)


@settings(deadline=None, max_examples=60)
@given(rows=st.lists(st.lists(cell | st.text(st.sampled_from("'=+-@\t\r\n"), max_size=4), min_size=2, max_size=2)))
def test_every_rejected_row_comes_back_as_it_was(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("rejects")
    rejects = Rejects(folder / "one")
    for number, cells in enumerate(rows, 2):
        rejects.add(Row(number, cells), [problem(number)])
    rejects.close()

    merge_rejects([rejects.path], ["a", "=b"], folder / "x.errors.csv")

    if rows:
        with open_source(folder / "x.errors.csv") as source:
            assert source.columns == ("a", "=b")
            assert [(row.line, list(row.cells)) for row in source.rows()] == list(enumerate(rows, 2))
