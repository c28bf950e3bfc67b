"""What `make test` leaves to PostgreSQL's turn: tests that do the same there and are not about what is stored."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent
#: What is about storage, and so runs on both databases each time.
STORED = tuple(
    ROOT / path
    for path in (
        "tests/backup",
        "tests/core/jobs",
        "tests/core/migrating",
        "tests/core/rules",
        "tests/core/searching",
        "tests/core/storage",
        "tests/core/test_batches.py",
        "tests/core/test_computed_fields.py",
        "tests/core/test_concurrency.py",
        "tests/core/test_custom_field_indexes.py",
        "tests/core/test_gate.py",
        "tests/core/test_groups.py",
        "tests/core/test_ledger.py",
        "tests/core/test_lists.py",
        "tests/core/test_shapes.py",
        "tests/faults",
        "tests/oracle",
        "tests/testing",
        "tests/transfer",
    )
)


def pytest_collection_modifyitems(items):
    for item in items:
        if on_postgresql_as_well(item) and not any(item.path.is_relative_to(path) for path in STORED):
            item.add_marker(pytest.mark.twin)


def on_postgresql_as_well(item):
    """Return whether *item* is what a test that runs on several databases does on PostgreSQL."""
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return any(isinstance(value, str) and value == "postgresql" for value in parameters)
