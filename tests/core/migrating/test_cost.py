"""Changing tables is rare: what it needs is not imported before."""

import subprocess
import sys

import pytest

IMPORTED = "import sys; print('alembic' in sys.modules)"


@pytest.mark.parametrize(
    "code",
    ["import crmkit.core.crm", "from crmkit.core.migrating import pending", "import crmkit.core.migrating"],
)
def test_alembic_is_imported_only_by_what_changes_tables(code):
    done = subprocess.run([sys.executable, "-c", f"{code}; {IMPORTED}"], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
