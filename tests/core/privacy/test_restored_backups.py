"""A backup that is older than an erasure does not bring the person back."""

import pytest

from crmkit import erase_person, finish_erasures
from crmkit.backup.making import make_backup
from crmkit.backup.restoring import restore_backup
from crmkit.core.errors import NotFoundError
from crmkit.core.migrating import apply
from crmkit.core.privacy.replaying import is_due, keep_due
from crmkit.core.privacy.tombstone_file import TombstoneFileError, load_tombstones, save_tombstones
from crmkit.core.privacy.tombstones import Tombstone, read_tombstones
from crmkit.core.verifying import examine
from crmkit.plugins.customers.entities import Contact
from tests.backup.conftest import KEY
from tests.core.privacy.club import CLUB
from tests.core.privacy.somebody import make_somebody, traces
from tests.marks import both_databases_in_time


@pytest.fixture
def contact(crm, officer):
    return make_somebody(crm, officer)


@pytest.fixture
def backup(crm, contact, tmp_path):
    return make_backup(crm, tmp_path / "crm.backup", KEY).file


def erase(crm, officer, contact):
    with crm.write(officer) as db:
        erase_person(db, contact)


def tombstones(crm):
    with crm.storage.reading() as connection:
        return list(read_tombstones(connection, crm.schema))


def findings(crm):
    with crm.storage.reading() as connection:
        return [str(finding) for finding in examine(crm.model, connection)]


@pytest.mark.long
@both_databases_in_time
def test_backup_that_replaces_the_database_is_cleared_of_whom_it_had_erased(crm, officer, contact, backup):
    erase(crm, officer, contact)
    erased = {(stone.entity, stone.record_id) for stone in tombstones(crm)}

    done = restore_backup(crm, backup, KEY, replace=True)

    finish_erasures(crm)
    assert done.erased == len(erased)
    assert traces(crm) == []
    assert findings(crm) == []
    assert erased <= {(stone.entity, stone.record_id) for stone in tombstones(crm)}


def files(crm):
    return {hash_: b"".join(crm.contents.read(hash_)) for hash_ in crm.contents.hashes(4e9)}


@pytest.mark.long
@both_databases_in_time
def test_content_of_what_was_erased_never_comes_back(crm, officer, contact, backup):
    (hash_,) = files(crm)
    kept = crm.contents.put("kept.txt", [b"kept"])
    erase(crm, officer, contact)
    finish_erasures(crm)
    assert set(files(crm)) == {kept.hash}

    done = restore_backup(crm, backup, KEY, replace=True)
    assert (done.files.count, done.kept) == (1, 0)
    assert not crm.contents.has(hash_)


@pytest.mark.long
@pytest.mark.parametrize("to", ["sqlite", "postgresql"])
def test_backup_restored_elsewhere_is_cleared_by_the_file_of_erasures(
    crm, officer, contact, backup, make_crm, tmp_path, to
):
    erase(crm, officer, contact)
    file = tmp_path / "erasures"
    assert save_tombstones(file, tombstones(crm)) == len(tombstones(crm))
    other = make_crm.blank("customers", "sales", "workspace", CLUB, database=to)
    other.config = crm.config

    restore_backup(other, backup, KEY, erasures=load_tombstones(file))

    finish_erasures(other)
    assert traces(other) == []
    assert findings(other) == []


@pytest.mark.long
def test_what_was_erased_before_the_backup_is_not_erased_again(crm, officer, contact, tmp_path):
    erase(crm, officer, contact)
    file = make_backup(crm, tmp_path / "later.backup", KEY).file
    before = tombstones(crm)

    assert restore_backup(crm, file, KEY, replace=True).erased == 0
    assert tombstones(crm) == before


def test_backup_of_an_older_version_is_cleared_when_it_is_brought_up_to_date(crm, officer, contact):
    with crm.read(officer) as db:
        assert db.get(Contact, contact.id)
    with crm.storage.writing() as connection:
        keep_due(crm, connection, [Tombstone("customers.contact", contact.id, crm.clock.now())])
    apply(crm)

    with crm.storage.reading() as connection:
        assert not is_due(crm, connection)
    with crm.read(officer) as db, pytest.raises(NotFoundError):
        db.get(Contact, contact.id)
    assert findings(crm) == []


@pytest.mark.parametrize("spoil", [lambda data: data[:-20], lambda data: data.replace(b"customers.c", b"customers.d")])
def test_file_of_erasures_that_is_not_whole_is_refused(crm, officer, contact, tmp_path, spoil):
    erase(crm, officer, contact)
    file = tmp_path / "erasures"
    save_tombstones(file, tombstones(crm))
    file.write_bytes(spoil(file.read_bytes()))

    with pytest.raises(TombstoneFileError):
        load_tombstones(file)
