"""Marks for tests of crmkit itself."""

import pytest

__all__ = ["both_databases_in_time"]

#: On SQLite each time; on PostgreSQL, where it takes seconds and much the same happens, with the slow tests.
both_databases_in_time = pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.slow])]
)
