import io
import sys

import pytest

from crmkit.cli.progress import drawing
from crmkit.core.progress import Progress


def states():
    yield Progress("deals", 1, 2, 100, None, None, 1.0)
    yield Progress("deals", 1, 2, 4200, 8800, 0.5, 10.0)
    yield Progress("deals", 1, 2, 8800, 8800, 1.0, 20.0, done=True)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def as_terminal(monkeypatch):
    """Make standard error a terminal, from within the test: pytest itself exchanges it between fixture and test."""

    def become():
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setenv("TERM", "xterm")
        return terminal

    return become


def test_nothing_is_drawn_where_nobody_looks_and_nobody_asked(capsys):
    with drawing(None) as show:
        assert show is None


def test_nothing_is_drawn_on_a_terminal_if_not_wanted(as_terminal):
    as_terminal()
    with drawing(False) as show:
        assert show is None


def test_lines_say_rows_and_rate_where_there_is_no_terminal(capsys):
    with drawing(True) as show:
        for state in states():
            show(state)
    assert capsys.readouterr().err == "1/2 deals: 8,800 rows, 440/s\n"


def test_bar_shows_rows_rate_and_time_left(as_terminal):
    terminal = as_terminal()
    with drawing(None) as show:
        for state in states():
            show(state)
    drawn = terminal.getvalue()
    assert "1/2 deals" in drawn
    assert "8,800 rows, 440/s" in drawn


@pytest.mark.parametrize(
    ("state", "figures"),
    [
        (Progress("a", 1, 1, 4200, 8800, 0.5, 10.0), "4,200 rows, 420/s, 0:10 left"),
        (Progress("a", 1, 1, 10, 8800, 0.001, 10.0), "10 rows, 1/s, 2:46:30 left"),
        (Progress("a", 1, 1, 10, None, None, 10.0), "10 rows, 1/s, so far"),
    ],
)
def test_figures_are_those_that_are_known(state, figures):
    from crmkit.cli.progress import _figures

    assert _figures(state) == figures
