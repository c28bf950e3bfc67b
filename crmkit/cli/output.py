"""Showing results: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import click

from crmkit.core.entity import Record
from crmkit.core.fields import Target
from crmkit.core.money import Money
from crmkit.core.representing.plain import pairs, plain
from crmkit.core.text import Text, gettext as _, translate

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["cell", "harmless", "show", "table"]


def show(data: Any, *, columns: Mapping[str, str] | None, as_json: bool, zone: tzinfo | None) -> None:
    """Print *data*; see :meth:`crmkit.cli.session.Session.show`."""
    if as_json:
        click.echo(json.dumps(plain(data), ensure_ascii=False, indent=2))
    elif data is not None:
        _show(data, columns, zone)


def cell(value: Any, zone: tzinfo | None = None) -> str:
    """Return *value* as people read it in a table; times in *zone*."""
    match value:
        case None:
            return ""
        case bool():
            return translate(_("yes") if value else _("no"))
        case Text():
            return translate(value)
        case int() | Decimal():
            return f"{value:,f}" if isinstance(value, Decimal) else f"{value:,}"
        case Money():
            return f"{value.amount:,f} {value.currency}"
        case datetime():
            return f"{value.astimezone(zone):%Y-%m-%d %H:%M}" if zone else value.isoformat(" ", "minutes")
        case list() | tuple() | set() | frozenset():
            return ", ".join(cell(part, zone) for part in value)
        case Target(entity=entity, id=id):
            return f"{entity}/{id}"
        case Mapping():
            return ", ".join(f"{name}: {cell(part, zone)}" for name, part in value.items())
    return str(value)


def harmless(text: str, *, lines: bool = False) -> str:
    """Return *text* without what steers a terminal or turns the direction of writing; line breaks stay with *lines*."""
    return "".join(
        char if _is_harmless(char) or (lines and char in "\n\t") else "\N{REPLACEMENT CHARACTER}" for char in text
    )


def _is_harmless(char: str) -> bool:
    return (
        unicodedata.category(char) not in ("Cc", "Cs")
        and char not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    )


def _show(data: Any, columns: Mapping[str, str] | None, zone: tzinfo | None) -> None:
    if isinstance(data, (list, tuple)):
        table([dict(pairs(row)) for row in data], columns, zone)
    elif isinstance(data, (Record, Mapping)):
        _show_pairs(dict(pairs(data)), columns, zone)
    else:
        click.echo(harmless(cell(data, zone), lines=True))


def _show_pairs(values: Mapping[str, Any], columns: Mapping[str, str] | None, zone: tzinfo | None) -> None:
    """Print one line for each value, and each list of rows as a table below its name."""
    wanted = columns or {name: name for name in values}
    single = {head: values[name] for name, head in wanted.items() if not _is_rows(values[name])}
    width = max((_width(translate(head)) for head in single), default=0)
    for head, value in single.items():
        shown = translate(head)
        click.echo(harmless(f"{shown}{' ' * (width - _width(shown))}  {cell(value, zone)}".rstrip()))
    for name, head in wanted.items():
        if _is_rows(values[name]):
            click.echo(f"\n{harmless(translate(head))}")
            table([dict(pairs(row)) for row in values[name]], None, zone)


def _is_rows(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(v, (Mapping, Record)) for v in value)


def _width(text: str) -> int:
    """Return how many columns *text* takes in a terminal: two for each Chinese character."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


# What rich puts around a column, and how far one of words may be narrowed, so that they go on below.
_GAP = 3
_LEAST = 6


def table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str] | None, zone: tzinfo | None = None) -> None:
    """Print *rows*; numbers stand to the right, and nothing is cut off, however narrow the terminal is."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text as Plain

    if not rows:
        click.echo(translate(_("Nothing.")))
        return
    made, least = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False), -1
    texts = list[list[str]]()
    for name, head in (columns or {name: name for name in rows[0]}).items():
        shown, values = harmless(translate(head)), [row.get(name) for row in rows]
        texts.append([harmless(cell(value, zone)) for value in values])
        least += _GAP + _add_column(made, shown, texts[-1], _are_numbers(values))
    for line in zip(*texts, strict=True):
        made.add_row(*map(Plain, line))
    if sys.stdout.isatty():
        console = Console(highlight=False, markup=False)
        # Where even the least does not fit, the terminal breaks the lines.
        console.width = max(console.width, least)
        console.print(made)
        return
    console = Console(width=100_000, highlight=False, markup=False)
    with console.capture() as captured:
        console.print(made)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _add_column(made: Table, head: str, texts: Sequence[str], numbers: bool) -> int:
    """Add a column and return how wide it is at least: digits that went on below would be another number."""
    widest = max(map(_width, [head, *texts]))
    least = widest if numbers else min(widest, _LEAST)
    side: Literal["left", "right"] = "right" if numbers else "left"
    made.add_column(head, justify=side, overflow="fold", no_wrap=numbers, min_width=least)
    return least


def _are_numbers(values: Sequence[Any]) -> bool:
    numbers = all(isinstance(value, (int, Decimal, Money, type(None))) for value in values)
    return numbers and not any(isinstance(value, bool) for value in values)
