"""Exports of another system: CSV files of deals on the companies and for the people of the world."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random

from benchmarks.world.people import Member
from benchmarks.world.records import START

__all__ = ["COLUMNS", "FAULTS", "SYSTEM", "Exports", "account"]

SYSTEM = "old-crm"
COLUMNS = ("id", "title", "company", "owner", "stage", "entered", "close", "amount", "currency", "source", "notes")
_STAGES = ("Prospecting", "Engaging", "Proposal", "Won", "Lost")
_WEIGHTS = (6, 14, 5, 50, 25)
_TITLES = ("Pilot", "Renewal", "Upgrade", "Größe M", "试点")
_SOURCES = ("Web", "Referral", "Event", "Partner", "")
#: What is wrong in one row each: a column, and what stands there.
FAULTS = {
    "company": "No such company",
    "owner": "Nobody",
    "stage": "Dreaming",
    "close": "31/31/2026",
    "amount": "12,5.0",
    "source": "Telepathy",
    "title": "",
    "currency": "XTS",
}


class Exports:
    """Writes files whose ids no other file of this run has; *owners* are the people that deals belong to."""

    def __init__(self, folder: Path, companies: int, owners: Sequence[Member]) -> None:
        """Name any of the first *companies* companies, as the world does."""
        self._folder, self._companies, self._owners = folder, companies, owners
        self._chance, self._files = Random(companies), count(1)

    def write(self, number: int) -> Path:
        """Return a new folder with a file ``deals.csv`` of *number* rows."""
        return self._save(self._rows(number))

    def write_twins(self, number: int) -> tuple[Path, Path]:
        """Return two of them that say the same but for the ids, with a row for each of :data:`FAULTS`."""
        rows = list(self._rows(number))
        for row, (column, cell) in zip(rows[5::10], FAULTS.items(), strict=False):
            row[column] = cell
        twins = [{**row, "id": next(_ids)} for row in rows]
        return self._save(rows), self._save(twins)

    def _save(self, rows: Iterable[dict[str, str]]) -> Path:
        folder = self._folder / f"export-{next(self._files)}"
        folder.mkdir()
        with (folder / "deals.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        return folder

    def _rows(self, number: int) -> Iterator[dict[str, str]]:
        chance = self._chance
        for _place in range(number):
            entered = START + timedelta(minutes=chance.randrange(1_000_000))
            yield {
                "id": next(_ids),
                "title": f"{chance.choice(_TITLES)} {chance.randrange(10**6)}",
                "company": account(chance.randrange(self._companies)),
                "owner": chance.choice(self._owners).name,
                "stage": chance.choices(_STAGES, _WEIGHTS)[0],
                "entered": entered.strftime("%m/%d/%Y %H:%M"),
                "close": (entered + timedelta(days=chance.randrange(10, 200))).strftime("%m/%d/%Y"),
                "amount": f"{math.exp(chance.uniform(7, 13)):.2f}",
                "currency": "USD" if chance.random() < 0.1 else "EUR",
                "source": chance.choice(_SOURCES),
                "notes": "" if chance.random() < 0.7 else 'Asked for a quote.\nCalls back, "soon".',
            }


def account(place: int) -> str:
    """Return what the other system calls the company at *place*."""
    return f"ACC-{place:06}"


# One for the whole run, in which several figures write into the same world.
_ids = (f"OPP-{number:07}" for number in count(1))
