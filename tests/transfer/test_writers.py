from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings, strategies as st

from crmkit.core import fields
from crmkit.core.fields import Target
from crmkit.core.money import Money
from crmkit.transfer.convert import converter
from crmkit.transfer.errors import ExportError, ExportTargetError
from crmkit.transfer.plan import Formats
from crmkit.transfer.sources import open_source
from crmkit.transfer.writers import format_of, write_rows

ID = UUID("018f4e1c-6a70-7c3e-9d51-0f2b7a1c9e44")
ROW = [
    "客户",
    None,
    Decimal("1100.40"),
    7,
    True,
    date(2017, 3, 1),
    datetime(2017, 3, 1, 9, 30, tzinfo=UTC),
    Money.of("12.5", "EUR"),
    ("a", "b"),
    Target("sales.deal", ID),
    ID,
    {"k": [1]},
]
COLUMNS = [f"c{number}" for number in range(len(ROW))]


def test_csv_has_plain_values_and_a_mark_for_excel(tmp_path):
    path = tmp_path / "deals.csv"

    assert write_rows(path, COLUMNS, [ROW]) == 1
    assert path.read_bytes().startswith(b"\xef\xbb\xbfc0,")
    assert path.read_text("utf-8-sig").splitlines()[1] == (
        f'客户,,1100.40,7,true,2017-03-01,2017-03-01T09:30:00+00:00,12.50 EUR,a;b,sales.deal/{ID},{ID},"{{""k"": [1]}}"'
    )


def test_json_lines_keep_decimals_exact(tmp_path):
    path = tmp_path / "deals.jsonl"

    write_rows(path, COLUMNS, [ROW, ROW])

    first = json.loads(path.read_text("utf-8").splitlines()[1])
    assert (first["c0"], first["c1"], first["c2"], first["c3"], first["c4"]) == ("客户", None, "1100.40", 7, True)
    assert first["c7"] == {"amount": "12.50", "currency": "EUR"}
    assert first["c9"] == {"entity": "sales.deal", "id": str(ID)}


def test_xlsx_has_typed_cells(tmp_path):
    path = tmp_path / "deals.xlsx"

    write_rows(path, COLUMNS, [ROW])

    with open_source(path) as source:
        (row,) = source.rows()
    assert list(row.cells[:6]) == ["客户", "", Decimal("1100.4"), 7, True, date(2017, 3, 1)]
    assert row.cells[6] == datetime(2017, 3, 1, 9, 30)  # noqa: DTZ001
    assert row.cells[7] == "12.50 EUR"


def test_xlsx_never_runs_text(tmp_path):
    path = tmp_path / "deals.xlsx"
    texts = ["=1+1", "+49 30", "https://example.org", "123", "@x"]

    write_rows(path, ["a"], [[text] for text in texts])

    with zipfile.ZipFile(path) as file:
        sheet = file.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in sheet
    assert b"<hyperlink" not in sheet
    with open_source(path) as source:
        assert [row.cells[0] for row in source.rows()] == texts


def test_xlsx_refuses_what_a_sheet_cannot_hold(tmp_path, monkeypatch):
    path = tmp_path / "deals.xlsx"

    with pytest.raises(ExportError, match=r"deals\.xlsx: XLSX cannot hold a text of 40,000 characters\. .* as CSV"):
        write_rows(path, ["a"], [["x" * 40_000]])
    assert not list(tmp_path.iterdir())

    monkeypatch.setattr("crmkit.transfer.writers._MAX_ROWS", 3)
    with pytest.raises(ExportError, match="more than 2 rows"):
        write_rows(path, ["a"], [[1], [2], [3]])


def test_numbers_that_a_float_would_change_are_texts_in_xlsx(tmp_path):
    path = tmp_path / "deals.xlsx"
    exact = [12345678901234567890, Decimal("0.1234567890123456789")]

    write_rows(path, ["a", "b"], [exact])

    with open_source(path) as source:
        assert list(next(source.rows()).cells) == [str(number) for number in exact]


def test_a_file_is_complete_or_as_it_was(tmp_path):
    path = tmp_path / "deals.csv"
    path.write_text("old")

    def rows():
        yield ["a"]
        raise RuntimeError("the database went away")

    with pytest.raises(RuntimeError):
        write_rows(path, ["name"], rows())

    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["deals.csv"]


def test_an_open_file_stays_open():
    for format in ("csv", "jsonl", "xlsx"):
        file = io.BytesIO()
        write_rows(file, ["a"], [["x"]], format)
        assert file.getvalue()


def test_a_format_is_named_by_the_ending(tmp_path):
    assert format_of(tmp_path / "a.NDJSON") == "jsonl"
    with pytest.raises(ExportTargetError, match=r"end it in \.csv, \.xlsx or \.jsonl"):
        format_of(tmp_path / "a.pdf")


def test_rows_are_written_as_they_come(tmp_path):
    path = tmp_path / "deals.csv"
    partial = tmp_path / "deals.csv.part"
    sizes = []

    def rows():
        for number in range(50_000):
            if number % 10_000 == 0:
                sizes.append(partial.stat().st_size)
            yield [f"Acme {number}", number]

    assert write_rows(path, ["name", "number"], rows()) == 50_000
    assert sizes == sorted(set(sizes))


text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=10)
hostile = st.text(st.sampled_from("'=+-@\t\r\n ax＝"), max_size=6)
values = st.tuples(
    text | hostile,
    st.integers(-(10**12), 10**12),
    st.decimals(-(10**9), 10**9, places=4),
    st.booleans(),
    st.dates(min_value=date(1900, 1, 1)),
    st.datetimes(min_value=datetime(1900, 3, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
        lambda moment: moment - timedelta(microseconds=moment.microsecond)
    ),
)
TYPES = [
    fields.Text(),
    fields.Integer(),
    fields.Decimals(),
    fields.Boolean(),
    fields.Date(),
    fields.DateTime(),
]


@settings(deadline=None, max_examples=60)
@given(rows=st.lists(values, max_size=6), format=st.sampled_from(["csv", "xlsx"]))
def test_what_is_exported_is_imported_as_the_same_values(tmp_path_factory, rows, format):
    path = tmp_path_factory.mktemp("trip") / f"rows.{format}"
    readers = [converter(type, Formats(timezone="UTC")) for type in TYPES]

    write_rows(path, [type.name for type in TYPES], rows)

    with open_source(path) as source:
        found = [tuple(read(cell) for read, cell in zip(readers, row.cells, strict=True)) for row in source.rows()]
    assert found == rows
