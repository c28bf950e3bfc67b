"""A throw-away plugin for tests of search: books, of which not everybody reads everything, and loans of them."""

from __future__ import annotations

from types import ModuleType
from uuid import UUID

from crmkit import (
    Grant,
    LongText,
    Mask,
    Number,
    Owned,
    Record,
    Role,
    Target,
    any_ref,
    entity,
    extension,
    field,
    ref,
    translator,
)
from crmkit.testing import plugin

_ = translator("tests")
EVERYTHING = ("read", "create", "update", "delete", "transfer", "share", "erase")


@entity("library.reader", label=_("Reader"), person=True)
class Patron(Record):
    name: str = field(search=True, personal=True, purpose="lending")


@entity("library.book", label=_("Book"))
class Book(Owned):
    number: str = field(Number("B"), init=False, search=True)
    title: str = field(search=True)
    author: str | None = field(default=None, search=True)
    abstract: str | None = field(LongText(), default=None, search=True)
    shelf: str | None = field(default=None)
    lent_to_id: UUID | None = ref("library.reader", default=None, on_delete="clear", about=True)


@entity("library.note", label=_("Note"))
class Note(Record):
    text: str = field(LongText(), search=True)
    about: Target | None = any_ref()


@extension(of="library.book")
class Binding:
    material: str | None = field(default=None, search=True)


ROLES = [
    Role("library.librarian", _("Librarian"), [
        Grant("library.book", EVERYTHING, "all"), Grant("library.reader", EVERYTHING, "all"),
        Grant("library.note", EVERYTHING, "all"), Grant("core.user", ("read",), "all")]),
    Role("library.helper", _("Helper"), [
        Grant("library.book", ("read", "create", "update", "delete"), "own"),
        Grant("library.note", ("read", "create"), "all")],
        [Mask("library.book", ["author"])]),
    Role("library.stranger", _("Stranger"), [Grant("library.book", ("read",), "all")],
        [Mask("library.book", ["title"])]),
]  # fmt: skip


def library(*more: object, **options: object) -> ModuleType:
    """Return the plugin; *more* are further entities or extensions."""
    return plugin("library", entities=[Patron, Book, Note, *more], **({"roles": ROLES} | options))


def binding() -> ModuleType:
    """Return the plugin that extends books."""
    return plugin("binding", entities=[Binding], requires=("library",))
