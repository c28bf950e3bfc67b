"""Opening a database beside others that do the same."""

from __future__ import annotations

import sqlite3
import threading

import pytest

from crmkit.core.storage.engines import Storage


def test_a_fresh_file_that_somebody_holds_is_opened_when_it_is_free(tmp_path):
    path = tmp_path / "fresh.db"
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("CREATE TABLE held (id INTEGER)")
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        sqlite3.connect(path, timeout=0).execute("PRAGMA journal_mode = WAL")
    release = threading.Timer(0.2, lambda: holder.execute("COMMIT"))
    release.start()

    storage = Storage(f"sqlite:///{path}")
    with storage.writing() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"

    release.join()
    holder.close()
    storage.dispose()
