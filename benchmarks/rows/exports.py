"""All deals into a CSV file, with the names of their companies: how long it takes, and the memory that it takes.

Either side runs in a process of its own, so that the memory is its own.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator
from functools import partial
from itertools import zip_longest
from pathlib import Path
from time import perf_counter

from benchmarks.figures import Figure, WrongResultError
from benchmarks.handwritten.exporting import COLUMNS, export_deals
from benchmarks.harness import Comparison
from benchmarks.memory import own
from benchmarks.world.opening import World, make_crm
from benchmarks.world.people import People
from crmkit import Principal
from crmkit.core.progress import Progress
from crmkit.transfer.exporting import export

__all__ = ["figures"]

_FIELDS = [name for name in COLUMNS if name != "amount_currency"]


def figures(world: World) -> Iterator[Figure]:
    """Yield the figure of exports."""
    yield Figure("export", f"administrator, {world.size:,} deals", partial(_compared, world))


def _compared(world: World) -> Comparison:
    url = world.crm.storage.url.render_as_string(hide_password=False)
    with (
        tempfile.TemporaryDirectory(prefix="crmkit-bench-") as folder,
        multiprocessing.get_context("spawn").Pool(2, maxtasksperchild=1) as pool,
    ):
        mine, other = (Path(folder) / f"{side}.csv" for side in ("ours", "theirs"))
        ours, first, rest = pool.apply(_ours, (url, mine, world.size))
        theirs = pool.apply(_theirs, (url, other))
        _check(mine, other, world.size)
    told = f"most memory in the first quarter {first:,.0f} MB, in the rest {rest:,.0f} MB"
    return Comparison(ours, theirs, (ours / theirs,), told=told)


def _ours(url: str, path: Path, rows: int) -> tuple[float, float, float]:
    """Return the seconds that it took, and the most memory that this process had in the first quarter and the rest."""
    crm, most = make_crm(url), {True: 0.0, False: 0.0}

    def show(progress: Progress) -> None:
        quarter = progress.rows <= rows // 4
        most[quarter] = max(most[quarter], own())

    started = perf_counter()
    administrator = People().administrator
    with crm.read(Principal(administrator.id, administrator.name)) as db:
        export(db, crm.registry.entities["trade.deal"].cls, path, fields=_FIELDS, show=show)
    seconds = perf_counter() - started
    crm.close()
    return seconds, most[True], most[False]


def _theirs(url: str, path: Path) -> float:
    crm = make_crm(url)
    started = perf_counter()
    export_deals(crm, path)
    seconds = perf_counter() - started
    crm.close()
    return seconds


def _check(mine: Path, other: Path, rows: int) -> None:
    """Compare the files line by line: they need not fit into memory."""
    count = 0
    with mine.open(newline="") as ours, other.open(newline="") as theirs:
        for count, lines in enumerate(zip_longest(ours, theirs)):
            if lines[0] != lines[1]:
                raise WrongResultError(f"line {count + 1}: {lines[0]} / {lines[1]}")
    if count < rows:
        raise WrongResultError(f"only {count} deals of {rows}")
