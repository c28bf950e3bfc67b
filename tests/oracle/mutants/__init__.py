"""Faults in the wall, seeded one at a time: what a slip of the pen could do to it."""

from __future__ import annotations

from tests.oracle.mutants import (  # noqa: F401
    around,
    credentials,
    custom,
    entities,
    events,
    fields,
    flow,
    leaving,
    likeness,
    links,
    merging,
    rest,
    rest_batches,
    rest_reads,
    rest_two_worlds,
    restrictions,
    rows,
    searches,
    shares,
    upkeep,
    webhooks,
    work,
    workbooks,
    writes,
)
from tests.oracle.mutants.seeding import MUTANTS, Mutant

__all__ = ["MUTANTS", "Mutant"]
