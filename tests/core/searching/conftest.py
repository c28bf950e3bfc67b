import pytest

from tests.core.searching.library import Book, binding, library


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm(library(), binding(), database=database, clock=clock)


@pytest.fixture
def librarian(people):
    return people.user("Libby", team="Desk", roles=["library.librarian"])


@pytest.fixture
def helper(people, librarian):
    return people.user("Hal", team="Desk", roles=["library.helper"])


@pytest.fixture
def add(crm, librarian):
    """Store a book as the librarian, and return it."""

    def create(title, **values):
        with crm.write(librarian) as db:
            return db.create(Book(title=title, **values))

    return create


@pytest.fixture
def found(crm, librarian):
    """What somebody, the librarian unless told otherwise, finds: titles in order."""

    def search(text, who=None, **options):
        with crm.read(who or librarian) as db:
            return [hit.title for hit in db.search(text, **options).hits]

    return search
