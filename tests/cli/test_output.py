import io
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
import pytest

from crmkit import Money, Target
from crmkit.cli.output import cell, harmless, show, table
from crmkit.core.policy.people import Team
from crmkit.core.representing.plain import plain
from crmkit.core.text import Text, gettext, use_locale

ID = UUID("01a202d0-b6ab-7729-8699-92eb24cccf5a")
AT = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@attrs.frozen
class Point:
    x: int
    y: Decimal


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (5, 5),
        (Decimal("1200.50"), "1200.50"),
        (Decimal("1E+3"), "1000"),
        (AT, "2026-03-02T23:30:00Z"),
        (date(2026, 3, 2), "2026-03-02"),
        (ID, str(ID)),
        (Money.of("12.5", "EUR"), {"amount": "12.50", "currency": "EUR"}),
        (Target("core.user", ID), {"entity": "core.user", "id": str(ID)}),
        (frozenset({"b", "a"}), ["a", "b"]),
        ({"a": (1, Decimal("0.1"))}, {"a": [1, "0.1"]}),
        (Point(1, Decimal("2.0")), {"x": 1, "y": "2.0"}),
    ],
)
def test_json_has_exact_numbers_as_texts_and_times_in_iso_form(value, expected):
    assert plain(value) == expected


def test_json_refuses_what_has_no_form():
    with pytest.raises(TypeError, match="object cannot be shown"):
        plain({"a": object()})


def test_record_is_shown_with_the_fields_that_it_has():
    assert plain(Team(id=ID, name="Sales")).items() >= {"id": str(ID), "name": "Sales", "parent_id": None}.items()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        (True, "yes"),
        (1234567, "1,234,567"),
        (Decimal("1234.50"), "1,234.50"),
        (Money.of("-1234.5", "EUR"), "-1,234.50 EUR"),
        (AT, "2026-03-03 07:30"),
        (["a", "b"], "a, b"),
        ({"a": 1}, "a: 1"),
        (Target("core.user", ID), f"core.user/{ID}"),
    ],
)
def test_cell_is_what_people_read(value, expected):
    assert cell(value, ZoneInfo("Asia/Shanghai")) == expected


def test_text_is_shown_in_the_current_language():
    with use_locale("zh_CN"):
        assert cell(Text("no such text")) == "no such text"
        assert plain(gettext("no such text")) == "no such text"


@pytest.mark.parametrize("text", ["\x1b[31mred", "a\x07b", "\x9b2J", "in \u202eesrever", "a\u2066b", "\ud800"])
def test_text_cannot_steer_the_terminal(text):
    shown = harmless(text)
    assert len(shown) == len(text)
    assert "\N{REPLACEMENT CHARACTER}" in shown
    assert not set(shown) & set("\x1b\x07\x9b\u202e\u2066\ud800")


def test_line_breaks_stay_only_where_they_are_wanted():
    assert harmless("a\nb", lines=True) == "a\nb"
    assert harmless("a\nb") == "a\N{REPLACEMENT CHARACTER}b"


def test_chinese_takes_two_columns_each_and_markup_is_no_markup(capsys):
    table([{"name": "上海", "n": 5}, {"name": "[red]Bonn[/]", "n": 1200}], {"name": "Name", "n": "N"})
    assert [line.replace(" ", "·") for line in capsys.readouterr().out.splitlines()] == [
        "Name···············N",
        "────────────────────",
        "上海···············5",
        "[red]Bonn[/]···1,200",
    ]


def test_table_shows_only_its_columns_and_says_when_it_is_empty(capsys):
    table([{"a": 1, "b": 2}], {"b": "B"})
    assert capsys.readouterr().out.split() == ["B", "─", "2"]
    table([], {"a": "A"})
    assert capsys.readouterr().out == "Nothing.\n"


def test_wide_row_is_not_cut_off_where_nobody_looks(capsys):
    table([{"a": "x" * 500}], None)
    assert "x" * 500 in capsys.readouterr().out


@pytest.mark.parametrize("columns", [30, 60])
def test_narrow_terminal_breaks_words_keeps_numbers_whole_and_loses_nothing(monkeypatch, columns):
    terminal = Terminal()
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "stdout", terminal)
    table([{"file": "sales_pipeline.csv", "mail": "wang@acme.example", "n": 8800, "m": 10_005_534}], None)
    lines = terminal.getvalue().splitlines()[2:]
    assert lines[0].split()[-2:] == ["8,800", "10,005,534"]
    assert sorted("".join("".join(lines).split())) == sorted("sales_pipeline.csvwang@acme.example8,80010,005,534")


def test_dict_is_lines_and_its_rows_are_tables_below(capsys):
    show({"名": 1, "b": None, "rows": [{"x": 1}]}, columns=None, as_json=False, zone=None)
    assert capsys.readouterr().out.splitlines() == ["名  1", "b", "", "rows", "x", "─", "1"]


def test_plain_value_is_a_line(capsys):
    show("a\x1bb", columns=None, as_json=False, zone=None)
    show(None, columns=None, as_json=False, zone=None)
    assert capsys.readouterr().out == "a\N{REPLACEMENT CHARACTER}b\n"
