"""What is found is what may be seen, by what may be read; the best come first, then the newest."""

import pytest

from crmkit import Grant, Mask, Target
from crmkit.core.errors import UnknownEntityError
from crmkit.core.reading.limits import LimitError
from crmkit.core.reading.ordering import CursorError
from crmkit.core.searching import finding
from crmkit.core.searching.asking import SearchTextError
from crmkit.core.storage.prepared import Prepared
from crmkit.testing import both_databases
from tests.core.searching.library import Binding, Book, Note, Patron

pytestmark = both_databases


@pytest.fixture(params=[finding._RARE, 1, 0], ids=["rare", "common with a rare title", "common"])
def commonness(request, monkeypatch):
    """Have every word taken for a common one as well, so that all ways are gone."""
    monkeypatch.setattr(finding, "_RARE", request.param)


def test_all_words_must_be_there_in_whatever_fields(commonness, add, found):
    add("Emma", author="Jane Austen", abstract="A comedy of manners")
    add("Persuasion", author="Jane Austen")
    assert found("austen") == ["Persuasion", "Emma"]
    assert found("manners emma jane") == ["Emma"]
    assert found("emma persuasion") == []


def test_the_title_itself_comes_first_then_what_begins_so_then_what_has_it_then_other_fields(commonness, add, found):
    add("Emma")
    add("About Emma")
    add("Emma and others")
    add("Letters", abstract="To Emma")
    add("Emma")
    assert found("emma") == ["Emma", "Emma", "Emma and others", "About Emma", "Letters"]
    assert found("emm") == ["Emma", "Emma and others", "Emma", "About Emma", "Letters"]
    assert [found("emma", limit=number)[-1] for number in (1, 3, 4, 5)] == [
        "Emma",
        "Emma and others",
        "About Emma",
        "Letters",
    ]


def test_hits_tell_what_was_found_where(crm, librarian, add):
    book = add("Persuasion", author="Jane Austen", abstract="x " * 200 + "the sea at Lyme, " + "y " * 200)
    with crm.read(librarian) as db:
        (hit,) = db.search("lyme the sea").hits
    assert (hit.entity, hit.id, hit.record, hit.title, hit.rank) == ("library.book", book.id, book, "Persuasion", 3)
    assert hit.snippet.field == "abstract"
    assert [hit.snippet.text[start:end] for start, end in hit.snippet.marks] == ["the", "sea", "Lyme"]
    assert (hit.snippet.text[:3], hit.snippet.text[-3:], len(hit.snippet.text)) == ("…x ", " y…", 162)


def test_chinese_phrases_are_marked_whole(crm, librarian, add):
    add("北京科技有限公司")
    with crm.read(librarian) as db:
        (hit,) = db.search("科技").hits
    assert hit.snippet.text[slice(*hit.snippet.marks[0])] == "科技"


def test_pages_follow_each_other_without_gap_or_repetition(commonness, crm, librarian, add):
    titles = ["Emma", "About Emma", "Emma and others", "Letters", "Emma", "On Emma"]
    for title in titles:
        add(title, abstract="Emma" if title == "Letters" else None)
    with crm.read(librarian) as db:
        whole, pages, cursor = [hit.id for hit in db.search("emma").hits], [], None
        while True:
            page = db.search("emma", limit=2, after=cursor)
            pages.append([hit.id for hit in page.hits])
            if (cursor := page.next) is None:
                break
    assert [id_ for page in pages for id_ in page] == whole
    assert [len(page) for page in pages] == [2, 2, 2]


def test_all_entities_are_searched_unless_some_are_named(commonness, crm, librarian, add, found):
    book = add("Emma")
    with crm.write(librarian) as db:
        db.create(Patron(name="Emma"))
        db.create(Note(text="Emma is missing", about=Target("library.book", book.id)))
    assert found("emma") == ["Emma", "Emma", "Emma is missing"]
    assert found("emma", entities=[Patron]) == ["Emma"]
    assert found("emma", entities=["library.note", "library.note"]) == ["Emma is missing"]
    assert found("libby", entities=["core.user"]) == ["Libby"]
    with pytest.raises(UnknownEntityError):
        found("emma", entities=["library.nosuch"])


def test_hidden_records_are_not_found(commonness, crm, helper, librarian, add, found):
    book = add("Emma")
    with crm.write(librarian) as db:
        db.create(Note(text="Emma is missing", about=Target("library.book", book.id)))
    with crm.write(helper) as db:
        db.create(Book(title="Emma II"))
    assert found("emma", helper) == ["Emma II"]
    with crm.write(librarian) as db:
        db.share(book, user=helper.user_id)
    assert found("emma", helper) == ["Emma", "Emma II", "Emma is missing"]


def test_words_in_hidden_fields_are_not_found(commonness, crm, people):
    grants = [Grant("library.book", ("read", "create"), "own")]
    role = people.role("Blinkered", grants, [Mask("library.book", ["author", "binding.material"])])
    helper = people.user("Hedy", roles=[role])
    with crm.write(helper) as db:
        mine = db.create(Book(title="Emma"))
    with crm.system("test") as db:
        db.update(db.get(Book, mine.id), {"author": "Jane Austen", "binding.material": "leather", "abstract": "calm"})
    with crm.read(helper) as db:
        assert [hit.snippet.field for hit in db.search("calm").hits] == ["abstract"]
        for hidden in ("jane", "austen", "leather", "emma jane", "jan"):
            assert db.search(hidden).hits == []


def test_a_hidden_title_is_no_title(commonness, people, add, crm):
    stranger = people.user("Stan", roles=["library.stranger"])
    add("Emma", abstract="About Emma", author="Jane")
    add("Jane", abstract="nothing")
    with crm.read(stranger) as db:
        (hit,) = db.search("jane").hits
        assert (hit.title, hit.rank, hit.snippet.text) == (None, 3, "Jane")
        assert [hit.snippet.text for hit in db.search("emma").hits] == ["About Emma"]


def test_fields_of_extensions_are_searched(commonness, crm, librarian, add, found):
    book = add("Emma")
    with crm.write(librarian) as db:
        book = db.update(book, {"binding.material": "red leather"})
    assert found("leather emma") == ["Emma"]
    with crm.read(librarian) as db:
        assert db.search("leather").hits[0].snippet.field == "binding.material"
        assert Binding.of(db, book).material == "red leather"
    with crm.write(librarian) as db:
        db.update(book, {"binding.material": "cloth"})
    assert found("leather") == []
    assert found("emma cloth") == ["Emma"]


def test_human_numbers_are_found(add, found):
    book = add("Emma")
    add("Persuasion")
    assert found(book.number) == ["Emma"]


def test_every_write_is_found_at_once_and_none_that_was_undone(crm, librarian, add, found):
    book = add("Emma")
    with crm.write(librarian) as db:
        book = db.update(book, title="Persuasion")
        assert [hit.title for hit in db.search("persuasion").hits] == ["Persuasion"]
    assert found("emma") == []
    with crm.write(librarian) as db:
        book = db.update(book, shelf="A 1")
    assert found("persuasion") == ["Persuasion"]
    with pytest.raises(ZeroDivisionError), crm.write(librarian) as db:
        db.update(book, title="Emma")
        raise ZeroDivisionError
    assert found("emma") == []
    with crm.write(librarian) as db:
        db.delete(book)
    assert found("persuasion") == []
    with crm.write(librarian) as db:
        db.restore(Book, book.id)
    assert found("persuasion") == ["Persuasion"]


def test_a_merged_record_is_found_as_the_one_it_went_into_until_it_is_unmerged(crm, librarian, add, found):
    winner, loser = add("Emma", author="Austen"), add("Emma 2nd edition", abstract="comedy")
    with crm.write(librarian) as db:
        db.merge(winner, [loser])
    assert found("edition") == []
    assert found("comedy") == ["Emma"]
    with crm.write(librarian) as db:
        db.unmerge(Book, loser.id)
    assert found("edition") == ["Emma 2nd edition"]
    assert found("comedy") == ["Emma 2nd edition"]


@pytest.mark.parametrize("text", ["", "   ", "!?", "…"])
def test_nothing_asked_for_is_nothing_found(add, found, text):
    add("Emma")
    assert found(text) == []


@pytest.mark.parametrize("text", [None, 3, "x" * 501, "a b " * 9])
def test_what_is_no_text_or_too_much_is_refused(found, text):
    with pytest.raises(SearchTextError, match="16 words"):
        found(text)


def test_a_cursor_is_of_one_search_and_of_a_record_that_is_there(crm, librarian, helper, add):
    _first, _second = add("Emma one"), add("Emma two")
    with crm.read(librarian) as db:
        cursor = db.search("emma", limit=1).next
        for wrong in ({"text": "two"}, {"text": "emma", "entities": [Book]}):
            with pytest.raises(CursorError):
                db.search(**wrong, after=cursor)
        for wrong in ("nonsense", "", cursor[:-3], 3):
            with pytest.raises(CursorError):
                db.search("emma", after=wrong)
        with pytest.raises(LimitError):
            db.search("emma", limit=0)
    with crm.read(helper) as db, pytest.raises(CursorError):
        db.search("emma", after=cursor)


def test_the_number_of_statements_does_not_grow_with_what_is_found(commonness, crm, librarian, add):
    def count(limit):
        seen = []
        with crm.read(librarian) as db, pytest.MonkeyPatch.context() as patch:
            plain = Prepared.rows
            patch.setattr(Prepared, "rows", lambda self, *given: seen.append(self.sql) or plain(self, *given))
            db.search("emma", limit=limit, entities=[Book])
        return len(seen)

    add("Emma")
    add("Emma, abridged")
    few = count(50)
    for number in range(30):
        add(f"Emma {number}")
    assert count(50) == few
