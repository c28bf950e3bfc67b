"""What words are found by follows the records, and is made again where it does not."""

from contextlib import nullcontext

import pytest
import sqlalchemy as sa

from crmkit import (
    CRM,
    CustomEntity,
    CustomField,
    ValidationError,
    convert_field,
    erase_person,
    finish_erasures,
    translator,
)
from crmkit.core.searching import rebuilding
from crmkit.core.searching.rebuilding import behind, have_search_made, make_next, rebuild
from crmkit.core.verifying import examine
from crmkit.testing import both_databases
from tests.core.searching.library import Book, Patron, library

pytestmark = both_databases
_ = translator("tests")


def findings(crm):
    with crm.storage.snapshot() as connection:
        return [(each.table, each.sentence) for each in examine(crm.model, connection)]


@pytest.fixture
def documents(crm):
    return crm.schema.system.search_document


@pytest.fixture
def lived(crm, librarian, add):
    """Books that were written, changed, put into the bin and taken out of it, merged, and written by a hook's side."""
    emma, lost, gone = add("Emma", author="Austen"), add("北京 Müller"), add("Gone with the wind")
    with crm.write(librarian) as db:
        db.update(emma, {"binding.material": "leather", "abstract": "it's a 'test' \\ of | signs & such"})
        db.delete(lost)
        db.delete(gone)
        db.restore(Book, gone.id)
    with crm.write(librarian) as db:
        db.merge(db.get(Book, gone.id), [db.create(Book(title="Gone"))])
    return crm


def test_what_is_kept_is_what_records_have(lived):
    assert findings(lived) == []


def test_documents_that_disagree_are_found_and_made_again(lived, documents, found):
    emma = sa.select(lived.schema.tables["library_book"].c.id).where(sa.column("title") == "Emma").scalar_subquery()
    with lived.storage.writing() as connection:
        connection.execute(sa.delete(documents).where(documents.c.record_id == emma))
    assert findings(lived) == [("library_book", "is found by other words than it has")]
    assert found("emma") == []
    with lived.storage.writing() as connection:
        tables = lived.schema.tables["library_book"]
        connection.execute(sa.update(tables).where(tables.c.title == "Emma").values(author="Somebody"))
    assert rebuild(lambda: lived.system("test")) == 6
    assert [each for each in findings(lived) if each[1].startswith("is found")] == []
    assert found("emma somebody leather") == ["Emma"]


def test_a_document_of_no_record_is_found(lived, documents):
    with lived.storage.writing() as connection:
        book = lived.schema.tables["library_book"]
        connection.execute(sa.delete(book).where(book.c.title == "Gone"))
    assert ("core_search_document", "is kept of a record that is not there") in findings(lived)


def test_an_index_that_lost_something_is_found_on_sqlite(lived):
    if lived.storage.is_sqlite:
        with lived.storage.writing() as connection:
            connection.exec_driver_sql("DELETE FROM core_search_index_data WHERE id > 10")
        assert ("core_search_index", "the index is not that of what is kept") in findings(lived)


@pytest.fixture
def unmade(lived, documents, monkeypatch):
    """As :func:`lived`, but nothing was ever kept for search; and few records are a batch."""
    monkeypatch.setattr(rebuilding, "_AT_ONCE", 2)
    with lived.storage.writing() as connection:
        connection.execute(sa.delete(documents))
        rebuilding.forget_made(connection, lived.schema)
    return lived


def test_older_records_are_made_found_by_a_worker(unmade, worker, found):
    assert found("emma") == []
    with unmade.system("test") as db:
        assert "library.book" in behind(db)
        assert have_search_made(db)
    worker.run_until_idle()
    assert found("emma") == ["Emma"]
    assert findings(unmade) == []
    with unmade.system("test") as db:
        assert behind(db) == []
        assert not have_search_made(db)


def test_what_was_cut_short_goes_on_behind_the_last_batch(unmade):
    counts = []
    while not counts or counts[-1] is not None:
        with unmade.system("test") as db:
            counts.append(make_next(db))
    records = [count or 0 for count in counts]
    assert (sum(records), max(records)) == (6, 2)
    assert findings(unmade) == []


def test_what_an_absent_plugin_has_is_not_found_and_what_comes_back_is_made_again(crm, librarian, add, found):
    book = add("Emma")
    with crm.write(librarian) as db:
        book = db.update(book, {"binding.material": "leather"})
    assert found("leather") == ["Emma"]
    without = CRM(crm.config, plugins=[library()], clock=crm.clock, without=["binding"])
    with without.read(librarian) as db:
        assert db.search("leather").hits == []
        assert behind(db) == ["library.book"]
    with without.write(librarian) as db:
        db.update(db.get(Book, book.id), title="Persuasion")
    without.close()
    with crm.system("test") as db:
        assert rebuild(lambda: nullcontext(db)) > 0
    assert found("leather") == ["Persuasion"]


def test_erased_people_leave_no_word(crm, librarian, add, documents, found):
    with crm.write(librarian) as db:
        patron = db.create(Patron(name="Xanthippe Unmistakable"))
        db.create(Book(title="Unmistakable loans of Xanthippe", lent_to_id=patron.id))
    assert found("xanthippe") == ["Xanthippe Unmistakable", "Unmistakable loans of Xanthippe"]
    with crm.write(librarian) as db:
        erase_person(db, patron)
    finish_erasures(crm)
    assert found("xanthippe") == []
    with crm.storage.reading() as connection:
        kept = connection.scalars(sa.select(sa.cast(documents.c.words, sa.Text))).all()
        assert [words for words in kept if "xanthippe" in words] == []
        assert "xanthippe" not in " ".join(_dictionary(crm, connection))
    assert findings(crm) == []


def _dictionary(crm, connection):
    """Return what the index itself still has."""
    if crm.storage.is_sqlite:
        blocks = connection.exec_driver_sql("SELECT block FROM core_search_index_data").scalars()
        return [bytes(block).decode("latin-1") for block in blocks]
    return []


def test_records_made_at_run_time_are_found(crm, people, worker):
    admin = people.user("Ada", roles=["core.administrator"])
    with crm.write(admin) as db:
        db.create(CustomEntity(slug="shelf", label="Shelf"))
    worker.run_until_idle()
    with crm.write(admin) as db:
        shelf = db.entity("custom.shelf")
        made = db.create(shelf(name="Travel and maps"))
    with crm.read(admin) as db:
        assert [(hit.entity, hit.id) for hit in db.search("maps").hits] == [("custom.shelf", made.id)]
        assert behind(db) == []
    assert findings(crm) == []


def test_fields_made_at_run_time_are_searched_where_they_say_so(crm, people, librarian, add, worker):
    admin = people.user("Ada", roles=["core.administrator", "library.librarian"])
    book = add("Emma")
    with crm.write(admin) as db:
        plot = db.create(CustomField(entity="library.book", key="plot", type="text", label="Plot"))
    with crm.write(admin) as db:
        db.update(book, {"custom.plot": "matchmaking"})

    def hits():
        worker.run_until_idle()
        with crm.read(admin) as db:
            found = db.search("matchmaking").hits
        assert findings(crm) == []
        return [(hit.snippet.field, hit.snippet.text) for hit in found]

    assert hits() == []
    with crm.write(admin) as db:
        plot = db.update(plot, search=True)
    assert hits() == [("custom.plot", "matchmaking")]
    with crm.write(admin) as db:
        db.delete(plot)
    assert hits() == []
    with crm.write(admin) as db:
        plot = db.restore(CustomField, plot.id)
    assert hits() == [("custom.plot", "matchmaking")]
    with crm.write(admin) as db:
        convert_field(db, plot, "long_text")
    assert hits() == [("custom.plot", "matchmaking")]
    with crm.write(admin) as db, pytest.raises(ValidationError, match="text can be searched"):
        db.create(CustomField(entity="library.book", key="pages", type="integer", label="Pages", search=True))
