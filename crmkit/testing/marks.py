"""Marks for tests that hold on every database."""

from __future__ import annotations

import pytest

__all__ = ["both_databases"]

both_databases = pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
