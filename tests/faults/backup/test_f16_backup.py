"""F16: backups are made under load, whole or not there, and restored whole or not at all."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from crmkit import Principal
from crmkit.backup.making import make_backup
from crmkit.backup.reading import check_backup
from crmkit.backup.restoring import restore_backup
from crmkit.core.verifying import examine
from crmkit.core.verifying.ledger import Anchor, verify_ledger
from crmkit.testing import both_databases
from tests.backup.conftest import KEY, KINDS
from tests.core.atelier import Artist

ROOT = Path(__file__).parents[3]


def run(action, crm, file, point):
    """Run a process that ends at *point* and return it."""
    url = crm.storage.url.render_as_string(hide_password=False)
    command = [
        sys.executable,
        "-m",
        "tests.faults.backup.script",
        action,
        url,
        crm.config.files.folder,
        str(file),
        point,
    ]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def killed(*arguments):
    assert run(*arguments).returncode == -signal.SIGKILL


def other(kind):
    return KINDS[1 - KINDS.index(kind)]


def names(crm):
    with crm.read(Principal(None, "system", "test")) as db:
        return {artist.name for artist in db.find(Artist, limit=100_000)}


def tables(crm):
    with crm.storage.reading() as connection:
        return set(sa.inspect(connection).get_table_names())


# Under load.


class Writers:
    """Threads that write until they are stopped; *acknowledged* is what they were told is stored."""

    def __init__(self, crm, principal):
        self._crm, self._principal, self._end = crm, principal, threading.Event()
        self.acknowledged = []
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(3)]

    def _write(self, number):
        for turn in range(10_000):
            if self._end.is_set():
                return
            name = f"writer {number} turn {turn}"
            with self._crm.write(self._principal) as db:
                artist = db.create(Artist(name=name))
                db.update(artist, {"atelier.stars": turn % 5})
            self.acknowledged.append(name)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error):
        self._end.set()
        for thread in self._threads:
            thread.join()


@pytest.mark.long
@both_databases
def test_f16_backup_under_load_holds_all_that_was_acknowledged_before_it_began(
    lived, master, database, blank, tmp_path
):
    with Writers(lived, master) as writers:
        while len(writers.acknowledged) < 20:
            time.sleep(0.01)
        before = set(writers.acknowledged)
        made = make_backup(lived, tmp_path / "crm.backup", KEY)
        during = len(writers.acknowledged) - len(before)
        while len(writers.acknowledged) < len(before) + during + 5:
            time.sleep(0.01)
    restored = blank(other(database))
    done = restore_backup(restored, made.file, KEY)

    assert during > 0, "nobody wrote while the backup was made"
    assert before <= names(restored)
    assert not {writers.acknowledged[-1]} & names(restored)
    assert done.broken is None
    with restored.storage.snapshot() as connection:
        assert [found.sentence for found in examine(restored.model, connection)] == []
    with lived.storage.snapshot() as connection:
        verify_ledger(connection, lived.schema, Anchor.parse(made.anchor))


# Killed.


SLOW = pytest.mark.slow
POSTGRESQL = pytest.mark.postgresql


@pytest.mark.long
@pytest.mark.parametrize(
    ("database", "point"),
    [
        ("sqlite", "1:rows"),
        ("sqlite", "before:link"),
        ("sqlite", "after:link"),
        pytest.param("sqlite", "1:done", marks=SLOW),
        pytest.param("postgresql", "1:rows", marks=(SLOW, POSTGRESQL)),
        pytest.param("postgresql", "1:done", marks=(SLOW, POSTGRESQL)),
    ],
)
def test_f16_backup_that_is_killed_leaves_a_whole_file_or_none(lived, tmp_path, point):
    file = tmp_path / "crm.backup"
    killed("backup", lived, file, point)

    if point == "after:link":
        check_backup(file, KEY)
    else:
        assert not file.exists()
        make_backup(lived, file, KEY)
        check_backup(file, KEY)
        assert [path.name for path in tmp_path.iterdir()] == ["crm.backup"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("database", "point"),
    [
        ("sqlite", "1:rows"),
        ("sqlite", "before:replace:2"),
        ("sqlite", "before:replace:4"),
        ("sqlite", "after:replace:4"),
        *(pytest.param("sqlite", point, marks=SLOW) for point in ("1:done", "2:rows", "2:done", "3:rows", "3:done")),
        pytest.param("postgresql", "after:replace:2", marks=POSTGRESQL),
        pytest.param("postgresql", "3:done", marks=(SLOW, POSTGRESQL)),
        *(pytest.param("postgresql", point, marks=(SLOW, POSTGRESQL)) for point in ("1:rows", "1:done", "2:done")),
    ],
)
def test_f16_restore_that_is_killed_leaves_a_whole_database_or_none(lived, backup, blank, database, point):
    crm = blank(database)
    killed("restore", crm, backup, point)

    if point != "after:replace:4":
        assert tables(crm) == set()
        crm.close()
        restore_backup(crm, backup, KEY)
    assert names(crm) == names(lived)
    assert set(crm.contents.hashes(4e9)) == set(lived.contents.hashes(4e9))
    with crm.storage.snapshot() as connection:
        assert list(examine(crm.model, connection, contents=crm.contents)) == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("database", "point"),
    [
        ("sqlite", "after:replace:2"),
        *(pytest.param("sqlite", point, marks=SLOW) for point in ("1:rows", "2:done")),
        *(pytest.param("postgresql", point, marks=(SLOW, POSTGRESQL)) for point in ("1:rows", "2:done")),
    ],
)
def test_f16_replacing_that_is_killed_leaves_what_was_there(lived, master, backup, point):
    with lived.write(master) as db:
        db.create(Artist(name="After the backup"))
    before = names(lived)
    lived.close()
    killed("replace", lived, backup, point)

    assert names(lived) == before
    with lived.storage.snapshot() as connection:
        assert list(examine(lived.model, connection, contents=lived.contents)) == []
    lived.close()
    restore_backup(lived, backup, KEY, replace=True)
    assert names(lived) == before - {"After the backup"}


# No room.


@pytest.mark.long
def test_f16_backup_on_a_full_disk_leaves_nothing(lived, tmp_path):
    file = tmp_path / "crm.backup"
    done = run("backup", lived, file, "full:4096")

    assert "File too large" in done.stderr
    assert list(tmp_path.iterdir()) == []
    make_backup(lived, file, KEY)


@pytest.mark.long
def test_f16_restore_on_a_full_disk_leaves_nothing(lived, backup, blank):
    crm = blank()
    place = Path(crm.storage.url.database)
    done = run("restore", crm, backup, "full:200000")

    assert done.returncode == 1
    assert "disk" in done.stderr
    assert [path.name for path in place.parent.glob(f"{place.name}*") if "restoring" in path.name] == []
    assert tables(crm) == set()


@pytest.mark.slow
@both_databases
def test_f16_many_rows_are_restored(crm, blank, database, tmp_path):
    """The time is printed, with ``-s``: a million rows (CRMKIT_TEST_F16_ROWS) are to take five minutes at most."""
    rows = int(os.environ.get("CRMKIT_TEST_F16_ROWS", "100000"))
    fill(crm, rows)
    made = make_backup(crm, tmp_path / "crm.backup", KEY)
    restored = blank(database)
    began = time.monotonic()
    restore_backup(restored, made.file, KEY)

    print(f"{rows:,} rows, {made.size:,} bytes: {time.monotonic() - began:.1f} s")
    with restored.system("test") as db:
        assert db.count(Artist) == rows + 1


def fill(crm, rows):
    artist = crm.schema.tables["atelier_artist"]
    with crm.system("test") as db:
        db.create(Artist(name="Pattern"))
    with crm.storage.writing() as connection:
        pattern = connection.execute(sa.select(artist)).one()._asdict()
        for start in range(0, rows, 10_000):
            batch = [{**pattern, "id": uuid(n), "name": f"Artist {n}", "email": f"a{n}@example.org"}
                     for n in range(start, start + 10_000)]  # fmt: skip
            connection.execute(sa.insert(artist), batch)


def uuid(number):
    from uuid import UUID

    return UUID(int=(number * 2654435761) % (1 << 64) << 64 | number)
