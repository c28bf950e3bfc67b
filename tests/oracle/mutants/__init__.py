"""Faults in the wall, seeded one at a time: what a slip of the pen could do to it."""

from __future__ import annotations

from tests.oracle.mutants import fields, flow, leaving, links, restrictions, rows, shares, upkeep, writes  # noqa: F401
from tests.oracle.mutants.seeding import MUTANTS, Mutant

__all__ = ["MUTANTS", "Mutant"]
