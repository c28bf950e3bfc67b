"""Content against records: what nothing names goes, what is named and missing or changed is told."""

import os
import time

import attrs
import pytest

from crmkit import ContentHash, Record, entity, field, translator
from crmkit.core.configuration.config import Files
from crmkit.core.content.sweeping import GRACE, Swept, lost_content, sweep
from crmkit.core.verifying import examine
from crmkit.testing import both_databases, plugin

_ = translator("tests")
LATER = 2 * GRACE.total_seconds()


@entity("album.photo", label=_("Photo"))
class Photo(Record):
    picture: str = field(ContentHash(), label=_("Picture"))


@entity("album.cover", label=_("Cover"))
class Cover(Record):
    print_hash: str | None = field(ContentHash(), default=None, label=_("Print"))


@pytest.fixture
def crm(make_crm, database, clock, tmp_path):
    made = make_crm(plugin("album", entities=[Photo, Cover]), database=database, clock=clock)
    made.config = attrs.evolve(made.config, files=Files(folder=str(tmp_path / "files")))
    return made


@pytest.fixture
def photo(crm):
    content = crm.contents.put("a.txt", [b"a photo"])
    with crm.system("test") as db:
        return db.create(Photo(picture=content.hash))


def swept(crm, **options):
    with crm.storage.reading() as connection:
        return sweep(crm.model, connection, crm.contents, **options)


def found(crm):
    with crm.storage.snapshot() as connection:
        return [(each.table, each.row, each.sentence) for each in examine(crm.model, connection, contents=crm.contents)]


def path(crm, hash_):
    return os.path.join(crm.config.files.folder, hash_[:2], hash_[2:4], hash_)


@both_databases
def test_sweep_deletes_only_what_no_record_of_any_entity_names(crm, photo):
    tomorrow = time.time() + LATER
    covering, binned, lost = (crm.contents.put(f"{word}.txt", [word.encode()]).hash for word in ("one", "two", "three"))
    with crm.system("test") as db:
        db.create(Cover(print_hash=covering))
        db.delete(db.create(Photo(picture=binned)))

    assert swept(crm).hashes == ()
    assert swept(crm, now=tomorrow) == Swept((lost,), False)
    assert crm.contents.has(lost)
    assert swept(crm, dry_run=False, now=tomorrow) == Swept((lost,), True)
    assert [crm.contents.has(hash_) for hash_ in (lost, photo.picture, covering, binned)] == [False, True, True, True]


@pytest.mark.long
@both_databases
def test_more_content_than_fits_a_page_is_swept(crm):
    hashes = [crm.contents.put(f"{n}.txt", [f"{n}".encode()]).hash for n in range(1203)]
    with crm.system("test") as db:
        db.create_many([Photo(picture=hash_) for hash_ in hashes[:1101]])

    assert set(swept(crm, now=time.time() + LATER).hashes) == set(hashes[1101:])


def test_workers_sweep_every_night(crm, photo, worker, clock):
    old, fresh = (crm.contents.put(f"{word}.txt", [word.encode()]).hash for word in ("old", "fresh"))
    os.utime(path(crm, old), (time.time() - LATER, time.time() - LATER))
    worker.run_until_idle()
    clock.advance(days=1)
    worker.run_until_idle()

    assert [crm.contents.has(hash_) for hash_ in (old, fresh, photo.picture)] == [False, True, True]


@both_databases
def test_record_whose_content_is_missing_is_told(crm, photo):
    with crm.storage.reading() as connection:
        assert list(lost_content(crm.model, connection, crm.contents)) == []
    os.unlink(path(crm, photo.picture))

    with crm.storage.reading() as connection:
        (lost,) = lost_content(crm.model, connection, crm.contents)
    assert (lost.table, lost.row, lost.hash) == ("album_photo", str(photo.id), photo.picture)


@both_databases
def test_verifying_finds_content_that_is_missing_altered_or_orphaned(crm, photo):
    assert found(crm) == []
    orphan = crm.contents.put("b.txt", [b"nobody's"]).hash
    assert found(crm) == []

    old = time.time() - 1.5 * LATER
    os.utime(path(crm, orphan), (old, old))
    assert found(crm) == [("", orphan, "no record names this content")]
    swept(crm, dry_run=False)

    with open(path(crm, photo.picture), "ab") as file:
        file.write(b"!")
    told = f"its content {photo.picture} is not what was put there"
    assert found(crm) == [("album_photo", str(photo.id), told)]
    os.unlink(path(crm, photo.picture))
    assert found(crm) == [("album_photo", str(photo.id), f"its content {photo.picture} is missing")]


def test_content_comes_back_only_under_its_hash(crm, photo):
    from crmkit.core.content.errors import ContentDamagedError, ContentMissingError

    os.unlink(path(crm, photo.picture))
    with pytest.raises(ContentDamagedError):
        crm.contents.restore(photo.picture, [b"another"])
    with pytest.raises(ContentMissingError):
        crm.contents.restore("../../etc/passwd", [b"a photo"])
    assert not crm.contents.has(photo.picture)
    assert crm.contents.restore(photo.picture, [b"a ", b"photo"]) == 7
    assert b"".join(crm.contents.read(photo.picture)) == b"a photo"
