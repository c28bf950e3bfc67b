"""Who is entered twice among all people: how long it takes, what is found, and the memory that it takes.

Each method runs in a process of its own, so that the memory is its own.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from uuid import UUID

from benchmarks.figures import Figure
from benchmarks.harness import Comparison
from benchmarks.memory import peak
from benchmarks.world.opening import World
from benchmarks.world.twins import fill_with_twins
from crmkit import CRM, Config, Database
from crmkit.core.migrating import apply
from crmkit.plugins.customers.entities import Contact
from crmkit.plugins.customers.services import Method, duplicate_pairs

__all__ = ["figures"]

_MOST = 100_000


def figures(world: World) -> Iterator[Figure]:
    """Yield a figure for each method; both databases are read alike, so that SQLite stands for both."""
    if not world.crm.storage.is_sqlite or world.size > _MOST:
        return
    methods: tuple[Method, ...] = ("points", "splink") if find_spec("splink") else ("points",)
    for method in methods:
        yield Figure("batch dedupe", f"{world.size:,} people, {method}", partial(_measured, world.size, method))


def _measured(size: int, method: Method) -> Comparison:
    with tempfile.TemporaryDirectory(prefix="crmkit-bench-") as folder:
        url = f"sqlite:///{Path(folder) / 'twins.db'}"
        crm = _open(url)
        apply(crm)
        truth = fill_with_twins(crm, size)
        crm.close()
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            seconds, found, peak = pool.apply(_search, (url, method))
    right = len(found & truth)
    told = f"precision {right / len(found):.3f}, recall {right / len(truth):.3f}, peak {peak:,.0f} MB"
    return Comparison(seconds, None, told=told)


def _search(url: str, method: Method) -> tuple[float, set[frozenset[UUID]], float]:
    """Return the seconds that it took, the pairs, and the most memory that this process had, in MB."""
    crm = _open(url)
    started = perf_counter()
    with crm.system("benchmark") as db:
        pairs = duplicate_pairs(db, Contact, method=method)
    seconds = perf_counter() - started
    crm.close()
    return seconds, {frozenset((pair.one.id, pair.other.id)) for pair in pairs}, peak()


def _open(url: str) -> CRM:
    return CRM(Config(database=Database(url), plugins=("customers",)))
