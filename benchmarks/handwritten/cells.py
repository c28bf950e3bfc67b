"""The cells of an exported file: checked, and turned into the values of a deal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import NamedTuple

__all__ = ["KINDS", "BadCellError", "Deal", "read"]

KINDS = {"prospecting": "open", "engaging": "open", "proposal": "open", "won": "won", "lost": "lost"}
_NEED_AMOUNT = ("proposal", "won")
_SOURCES = ("web", "referral", "event", "partner")
_AMOUNT = re.compile(r"[+-]?\d+(\.\d{1,2})?\Z", re.ASCII)


class Deal(NamedTuple):
    """One row whose cells are all in order."""

    line: int
    cells: Sequence[str]
    key: str
    name: str
    company: str
    owner: str
    stage: str
    entered: datetime | None
    close: date | None
    cents: int | None
    currency: str
    source: str | None
    notes: str | None


class BadCellError(Exception):
    """A cell that cannot be read."""


def read(line: int, cells: Sequence[str], *, with_history: bool) -> Deal:
    """Return the deal of the row on *line*; only *with_history* does the file say when it entered its stage.

    Raises:
        BadCellError: a cell cannot be read.
    """
    key, title, company, owner, stage, entered, close, amount, currency, source, notes = cells
    if not 0 < len(key) <= 200:
        raise BadCellError("id")
    if not 0 < len(title) <= 200 or "\n" in title or "\r" in title or "\0" in title:
        raise BadCellError("title")
    if len(notes) > 100_000 or "\0" in notes:
        raise BadCellError("notes")
    slug = stage.lower() or "prospecting"
    if slug not in KINDS:
        raise BadCellError("stage")
    if not amount and slug in _NEED_AMOUNT:
        raise BadCellError("amount")
    origin = source.lower() or None
    if origin is not None and origin not in _SOURCES:
        raise BadCellError("source")
    return Deal(
        line,
        cells,
        key,
        title,
        company,
        owner,
        slug,
        _moment(entered) if with_history and entered else None,
        _day(close) if close else None,
        _cents(amount) if amount else None,
        currency or "EUR",
        origin,
        notes.replace("\r\n", "\n").replace("\r", "\n") or None,
    )


@lru_cache(maxsize=4096)
def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%m/%d/%Y").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise BadCellError("close") from None


@lru_cache(maxsize=4096)
def _moment(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%m/%d/%Y %H:%M").replace(tzinfo=UTC)
    except ValueError:
        raise BadCellError("entered") from None


def _cents(text: str) -> int:
    if not _AMOUNT.match(text):
        raise BadCellError("amount")
    whole, _point, rest = text.partition(".")
    return int(whole + rest.ljust(2, "0"))
