"""Drawing how far a long run is, on standard error: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from crmkit.cli.output import harmless
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit.core.progress import Progress, Show

__all__ = ["drawing", "progress_option"]

F = TypeVar("F", bound=Callable[..., Any])
_SECONDS = 2.0


def progress_option(command: F) -> F:
    """Return *command* with the option that asks for progress, or forbids it."""
    help = _("Show how far it is. Default: on a terminal.")
    return click.option("--progress/--no-progress", "progress", default=None, help=help)(command)


@contextmanager
def drawing(wanted: bool | None) -> Iterator[Show | None]:
    """Give what draws each state of progress; ``None`` where nobody would see it and it is not *wanted*."""
    if wanted is False or (wanted is None and not sys.stderr.isatty()):
        yield None
    elif sys.stderr.isatty():
        with _bars() as show:
            yield show
    else:
        yield _Lines().show


@contextmanager
def _bars() -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress as Bars, TaskID, TextColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
    )
    tasks: dict[tuple[int, str], TaskID] = {}
    with Bars(*columns, console=Console(stderr=True)) as bars:

        def show(state: Progress) -> None:
            key = (state.number, state.step)
            if key not in tasks:
                tasks[key] = bars.add_task(_name(state), total=1.0, figures="")
            # A bar without a known end moves from side to side.
            total = 1.0 if state.fraction is not None else None
            bars.update(tasks[key], total=total, completed=state.fraction or 0.0, figures=_figures(state))

        yield show


def _name(state: Progress) -> str:
    step = harmless(state.step)
    return f"{state.number}/{state.steps} {step}" if state.steps > 1 else step


def _figures(state: Progress) -> str:
    figures: dict[str, Any] = {"rows": state.rows, "rate": state.rate, "left": _duration(state.left or 0)}
    if state.done:
        return translate(_("{rows:,} rows, {rate:,.0f}/s")).format_map(figures)
    if state.left is None:
        return translate(_("{rows:,} rows, {rate:,.0f}/s, so far")).format_map(figures)
    return translate(_("{rows:,} rows, {rate:,.0f}/s, {left} left")).format_map(figures)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class _Lines:
    """Writes a line when a step ends, and not oftener than every two seconds before."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def show(self, state: Progress) -> None:
        now = time.monotonic()
        if state.done or now - self._last >= _SECONDS:
            self._last = now
            click.echo(f"{_name(state)}: {_figures(state)}", err=True)
