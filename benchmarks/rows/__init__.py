"""The figures, a module for each group."""

from __future__ import annotations

from benchmarks.rows import lists

__all__ = ["GROUPS"]

GROUPS = (lists.figures,)
