"""What is inside files is in a backup, once, and comes back where a record names it."""

import os
import time
import tracemalloc

import attrs
import pytest

from crmkit import Owned, Principal, entity, field, translator
from crmkit.backup.errors import BackupDamagedError
from crmkit.backup.file_pieces import FileReader
from crmkit.backup.frames import FileCount, FileLost, FilePiece, Files as Listed
from crmkit.backup.making import make_backup
from crmkit.backup.reading import check_backup
from crmkit.backup.restoring import restore_backup
from crmkit.core.configuration.config import Files
from crmkit.core.content.sweeping import lost_content, sweep
from crmkit.core.verifying import examine
from crmkit.plugins.workspace import services
from crmkit.plugins.workspace.entities import File
from crmkit.testing import plugin
from tests.backup.conftest import KEY, KINDS
from tests.marks import both_databases_in_time

_ = translator("tests")
DAYS = 10 * 24 * 3600


@entity("ranch.stable", label=_("Stable"))
class Stable(Owned):
    name: str = field()


RANCH = plugin("ranch", entities=[Stable])


@pytest.fixture
def crm(make_crm, database, clock, tmp_path):
    made = make_crm("workspace", RANCH, database=database, clock=clock)
    made.config = attrs.evolve(made.config, files=Files(folder=str(tmp_path / "files")))
    return made


@pytest.fixture
def anna(people):
    return people.user("Anna", roles=["workspace.member", "ranch.everything"])


@pytest.fixture
def stable(crm, anna):
    with crm.write(anna) as db:
        return db.create(Stable(name="North"))


@pytest.fixture
def attach(crm, anna, stable):
    def attach(name, *chunks):
        content = crm.contents.put(name, chunks)
        with crm.write(anna) as db:
            return services.attach(db, stable, content)

    return attach


@pytest.fixture
def elsewhere(make_crm, tmp_path):
    """Make an empty CRM whose files are in a folder of their own."""

    def elsewhere(database):
        other = make_crm.blank("workspace", RANCH, database=database)
        other.config = attrs.evolve(other.config, files=Files(folder=str(tmp_path / "elsewhere")))
        return other

    return elsewhere


@pytest.fixture
def backed_up(crm, tmp_path):
    def backed_up(**options):
        return make_backup(crm, tmp_path / "crm.backup", KEY, **options)

    return backed_up


def kept(crm):
    """Return every content that the CRM keeps, by hash."""
    return {hash_: b"".join(crm.contents.read(hash_)) for hash_ in crm.contents.hashes(time.time() + DAYS)}


def findings(crm):
    with crm.storage.snapshot() as connection:
        return [(f.table, f.sentence) for f in examine(crm.model, connection, contents=crm.contents)]


def folder_of(crm):
    return crm.config.files.folder


def place(crm, hash_):
    return os.path.join(folder_of(crm), hash_[:2], hash_[2:4], hash_)


@pytest.mark.long
@both_databases_in_time
@pytest.mark.parametrize("to", KINDS)
def test_each_content_is_in_the_backup_once_and_comes_back(crm, attach, backed_up, elsewhere, to):
    large = [os.urandom(65_536) for _n in range(5)]
    files = [attach("a.bin", *large), attach("b.txt", b"same"), attach("c.txt", b"same"), attach("empty.txt")]
    crm.contents.put("lost.txt", [b"no record names it"])
    made = backed_up()
    other = elsewhere(to)
    done = restore_backup(other, made.file, KEY)

    assert made.files == done.files == check_backup(made.file, KEY).files == FileCount(3, 5 * 65_536 + 4, 0)
    assert done.kept == 3
    assert kept(other) == {file.content_hash: b"".join(crm.contents.read(file.content_hash)) for file in files}
    assert findings(other) == []


@both_databases_in_time
def test_backup_without_files_says_so(crm, attach, backed_up, elsewhere, database):
    attach("a.txt", b"text")
    made = backed_up(with_files=False)
    done = restore_backup(elsewhere(database), made.file, KEY)

    assert (made.files, check_backup(made.file, KEY).files, done.files, done.kept) == (None, None, None, 0)


@pytest.mark.long
def test_restore_without_files_checks_them_and_leaves_the_folder_alone(attach, backed_up, elsewhere):
    file = attach("a.txt", b"text")
    other = elsewhere("sqlite")
    done = restore_backup(other, backed_up().file, KEY, with_files=False)

    assert (done.files.count, done.kept) == (1, 0)
    assert not os.path.exists(folder_of(other))
    assert findings(other) == [("workspace_file", f"its content {file.content_hash} is missing")]


def test_content_that_is_missing_or_damaged_is_told_and_does_not_stop_the_backup(crm, attach, backed_up, elsewhere):
    gone, spoilt, whole = attach("a.txt", b"gone"), attach("b.txt", b"spoilt"), attach("c.txt", b"whole")
    os.unlink(place(crm, gone.content_hash))
    with open(place(crm, spoilt.content_hash), "ab") as file:
        file.write(b"!")
    made = backed_up()
    other = elsewhere("sqlite")
    done = restore_backup(other, made.file, KEY)

    assert made.files == done.files == FileCount(1, 5, 2)
    assert kept(other) == {whole.content_hash: b"whole"}


@both_databases_in_time
def test_f16_what_is_uploaded_and_deleted_meanwhile_does_not_break_a_backup(
    crm, attach, anna, backed_up, elsewhere, database
):
    before, late = [attach(f"{n}.txt", f"before {n}".encode()) for n in range(3)], []

    def show(state):
        # The snapshot is there, and no file has been read.
        if state.number == 1 and not late:
            late.append(attach("late.txt", b"late"))
            os.unlink(place(crm, before[0].content_hash))
            with crm.write(anna) as db:
                db.delete(before[1])

    made = backed_up(show=show)
    other = elsewhere(database)
    restore_backup(other, made.file, KEY)

    assert made.files == FileCount(2, 16, 1)
    assert set(kept(other)) == {file.content_hash for file in before[1:]}
    with other.system("test") as db:
        assert {file.id for file in db.find(File)} == {file.id for file in before}
        assert [n.row for n in lost_content(db.model, db._connection, other.contents)] == [str(before[0].id)]


@pytest.mark.slow
def test_memory_stays_flat(crm, attach, backed_up, elsewhere):
    attach("a.bin", *(os.urandom(65_536) for _n in range(480)))
    other = elsewhere("sqlite")
    tracemalloc.start()
    made = backed_up()
    _now, making = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    restore_backup(other, made.file, KEY)
    _now, restoring = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert made.files.size == 480 * 65_536
    assert max(making, restoring) < 12_000_000


@pytest.mark.long
def test_files_of_a_plugin_that_is_left_out_are_backed_up_and_not_swept(crm, attach, tmp_path):
    file = attach("a.txt", b"text")
    lost = crm.contents.put("lost.txt", [b"lost"])
    bare = type(crm)(crm.config, plugins=[], without={"workspace", "ranch"})
    made = make_backup(bare, tmp_path / "crm.backup", KEY)
    with bare.read(Principal(None, "system", "test")) as db:
        swept = sweep(db.model, db._connection, bare.contents, dry_run=False, now=time.time() + DAYS)
    bare.close()

    assert made.files == FileCount(1, 4, 0)
    assert swept.hashes == (lost.hash,)
    assert crm.contents.has(file.content_hash)


HASH = "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1"  # of b"text"


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [FilePiece(HASH, b"text", True)],
        [FilePiece(HASH, b"text", True), FileCount(1, 5, 0)],
        [FilePiece(HASH, b"text", True), FileCount(2, 4, 0)],
        [FilePiece(HASH, b"tex", False), FileCount(1, 4, 0)],
        [FilePiece(HASH, b"tex", False), FilePiece("0" * 64, b"t", True), FileCount(1, 4, 0)],
        [FilePiece(HASH, b"tort", True), FileCount(1, 4, 0)],
        [FileLost(HASH), FileCount(0, 0, 0)],
        [FileCount(0, 0, 0), FileCount(0, 0, 0)],
    ],
)
def test_files_that_are_not_what_was_counted_are_told(frames):
    with pytest.raises(BackupDamagedError):
        list(FileReader(iter(frames), Listed(1, [])))


def test_whole_files_are_read_in_pieces():
    frames = [FilePiece(HASH, b"te", False), FilePiece(HASH, b"xt", True), FileLost("0" * 64), FileCount(1, 4, 1)]
    reader = FileReader(iter(frames), Listed(2, []))

    assert [(hash_, list(pieces)) for hash_, pieces in reader] == [(HASH, [b"te", b"xt"])]
    assert reader.count == FileCount(1, 4, 1)
