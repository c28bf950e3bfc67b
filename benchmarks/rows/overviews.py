"""A contact from all sides, for a salesperson."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from typing import Any

from benchmarks.figures import Figure, taking_turns
from benchmarks.handwritten.overviews import by_hand
from benchmarks.harness import Comparison
from benchmarks.world.customers import with_customers
from benchmarks.world.opening import World
from crmkit.plugins.customers.entities import Contact
from crmkit.plugins.customers.services import overview

__all__ = ["figures"]

_SOME = 200
_UNTIL_PLANNED = 12


def figures(world: World) -> Iterator[Figure]:
    """Yield the figure; its customers are loaded when it is measured."""
    yield Figure("overview", "salesperson, a contact", lambda: _measured(world), most_ms=10)


def _measured(world: World) -> Comparison:
    with with_customers(world) as customers:
        crm, principal, read = customers.crm, world.principal(customers.member), by_hand(customers)
        some = customers.some(_SOME)
        with crm.read(principal) as db:
            contacts = list(db.get_many(Contact, some).values())
        mine, theirs = cycle(contacts), cycle([contact.id for contact in contacts])

        def ours() -> Any:
            with crm.read(principal) as db:
                return overview(db, next(mine))

        # PostgreSQL plans a prepared statement anew for its first runs on a connection: about 40 ms each here.
        for contact in contacts[:_UNTIL_PLANNED]:
            with crm.read(principal) as db:
                overview(db, contact)
        return taking_turns(ours, lambda: read(next(theirs)), _same)()


def _same(ours: Any, theirs: Any) -> bool:
    lists = {name: rows for name, rows in theirs.items() if name not in ("above", "line")}
    counts = {name: rows[0].crm_number if rows else 0 for name, rows in lists.items()}
    named = {found.section.id: found for found in ours.sections}
    totals = {name: float(rows[0].total) for name, rows in lists.items() if rows and hasattr(rows[0], "total")}
    return (
        {name: named[name].count for name in counts} == counts
        and {name: float(named[name].measures["amount"] * 100) for name in totals} == totals
        and (ours.above is not None) == bool(theirs["above"])
        and len(ours.timeline.entries) == len(theirs["line"]) > 0
    )
