"""Keys of records that were written before their matcher are made by a job, and until then the doctor tells."""

import pytest
import sqlalchemy as sa

from crmkit import Matcher, MatchKey
from crmkit.core import rematching
from crmkit.core.rematching import MAKE_MATCH_KEYS, entities_without_keys
from crmkit.testing import both_databases
from tests.core.atelier import Artist, atelier

pytestmark = both_databases


def crmkit_register_matchers():
    return [Matcher("atelier.artist", [MatchKey("name", ["name"], lambda values: [values["name"].casefold()])])]


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm(atelier(hooks=[crmkit_register_matchers]), database=database, clock=clock)


@pytest.fixture
def kept(crm):
    return crm.schema.system.match_key


@pytest.fixture
def artists(crm, kept, monkeypatch):
    """Artists who have no keys, as if written before there was a matcher; one of them lies in the bin."""
    monkeypatch.setattr(rematching, "_AT_ONCE", 10)
    with crm.system("test") as db:
        made = db.create_many([Artist(name=f"Artist {number}") for number in range(35)])
        db.delete(made[3])
    with crm.storage.writing() as connection:
        connection.execute(sa.delete(kept))
    return made


def lacking(crm):
    with crm.system("test") as db:
        return entities_without_keys(db)


def keys(crm, kept):
    with crm.storage.reading() as connection:
        return {row.record_id: row.key for row in connection.execute(sa.select(kept))}


def test_a_job_makes_the_keys_of_all_records_those_in_the_bin_too(crm, worker, artists, kept):
    assert lacking(crm) == ["atelier.artist"]
    with crm.system("test") as db:
        assert db.matches(Artist(name="ARTIST 7")).records == []
        db.enqueue(MAKE_MATCH_KEYS)
    worker.run_until_idle()
    assert keys(crm, kept) == {artist.id: f"name:{artist.name.casefold()}" for artist in artists}
    assert lacking(crm) == []
    with crm.system("test") as db:
        assert [found.id for found in db.matches(Artist(name="ARTIST 7")).records] == [artists[7].id]


def test_what_an_earlier_matcher_made_goes_and_doing_it_twice_changes_nothing(crm, worker, artists, kept):
    stale = {"entity": "atelier.artist", "key": "name:old", "record_id": artists[0].id}
    with crm.storage.writing() as connection:
        connection.execute(sa.insert(kept).values(**stale))
    for _time in range(2):
        with crm.system("test") as db:
            db.enqueue(MAKE_MATCH_KEYS)
        worker.run_until_idle()
        assert keys(crm, kept) == {artist.id: f"name:{artist.name.casefold()}" for artist in artists}


def test_a_job_that_dies_goes_on_behind_the_last_batch(crm, worker, artists, kept, monkeypatch):
    batches = []
    whole = rematching._bring_up_to_date

    def dying(db, info, values):
        batches.append(len(values))
        if len(batches) == 3:
            raise RuntimeError("power failed")
        whole(db, info, values)

    monkeypatch.setattr(rematching, "_bring_up_to_date", dying)
    with crm.system("test") as db:
        db.enqueue(MAKE_MATCH_KEYS)
    worker.run_until_idle()
    assert len(keys(crm, kept)) == 20
    with crm.system("test") as db:
        db.enqueue(MAKE_MATCH_KEYS)
    worker.run_until_idle()
    # The third again, and the last: not the two before.
    assert batches == [10, 10, 10, 10, 5]
    assert len(keys(crm, kept)) == 35


def test_a_crm_whose_records_all_have_keys_lacks_none(crm):
    with crm.system("test") as db:
        db.create_many([Artist(name=f"Artist {number}") for number in range(3)])
    assert lacking(crm) == []
