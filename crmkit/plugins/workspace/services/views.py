"""Lists that somebody saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crmkit import Page, Reader, Record, UnknownFieldError, Writer, count

from ..entities import DefaultView, View

__all__ = ["ViewPage", "default_view", "save_view", "set_default_view", "show_view", "views_of"]


@dataclass(frozen=True)
class ViewPage:
    """A page of what a view shows to one reader.

    *columns* and *order_by* are what is left of the view's for the reader, *left_out* the names in it that name no
    field for them: hidden and unknown ones alike. *groups* has the number of records for each value of the field by
    which the view groups, if it does.
    """

    view: View
    columns: tuple[str, ...]
    order_by: tuple[str, ...]
    groups: list[dict[str, Any]] | None
    left_out: tuple[str, ...]
    page: Page[Any]


def save_view(db: Writer, view: View) -> View:
    """Keep *view*, after trying it with the writer's own eyes, and return it.

    Raises:
        UnknownEntityError: there is no such entity.
        RuleError, UnknownFieldError: it names a field that the writer may not read, or that does not exist.
    """
    names = [*_words(view.columns), *_words(view.order_by), *_words(view.group_by)]
    listed = db.entity(view.listed)
    for name in names:
        if name.removeprefix("-") not in db.readable_fields(listed):
            raise UnknownFieldError(view.listed, name.removeprefix("-"))
    show_view(db, view, limit=1)
    return db.create(view)


def views_of(db: Reader, entity: type[Record]) -> list[View]:
    """Return the views of *entity* that are shown to the reader, by name."""
    return db.find(View, View.f.listed == entity.__entity__.id, order_by="name")


def show_view(db: Reader, view: View, *, limit: int = 50, after: str | None = None) -> ViewPage:
    """Return up to *limit* records that *view* shows to the reader, behind the cursor *after*.

    Raises:
        RuleError: its rule names a field that the reader may not read, or that does not exist.
    """
    listed = db.entity(view.listed)
    readable = db.readable_fields(listed)
    columns, order, groups = (_words(names) for names in (view.columns, view.order_by, view.group_by))
    known = [name for name in order if name.removeprefix("-") in readable]
    page = db.page(listed, view.rule, order_by=known, limit=limit, after=after)
    grouped = [name for name in groups if name in readable]
    counted = db.aggregate(listed, group_by=grouped, measures={"count": count()}, where=view.rule) if grouped else None
    named = [name.removeprefix("-") for name in (*columns, *order, *groups)]
    left_out = tuple(dict.fromkeys(name for name in named if name not in readable))
    return ViewPage(view, tuple(name for name in columns if name in readable), tuple(known), counted, left_out, page)


def _words(text: str | None) -> list[str]:
    return (text or "").split()


def set_default_view(db: Writer, view: View) -> DefaultView:
    """Let lists of the entity of *view* open with it for the writer, and return that."""
    for chosen in _chosen(db, view.listed):
        return db.update(chosen, view_id=view.id)
    return db.create(DefaultView(listed=view.listed, view_id=view.id))


def default_view(db: Reader, entity: type[Record]) -> View | None:
    """Return the view with which lists of *entity* open for the reader; ``None`` if there is none they may see."""
    chosen = _chosen(db, entity.__entity__.id)
    return next(iter(db.get_many(View, [each.view_id for each in chosen]).values()), None)


def _chosen(db: Reader, listed: str) -> list[DefaultView]:
    mine = (DefaultView.f.owner_id == db.moment.me) & (DefaultView.f.listed == listed)
    return db.find(DefaultView, mine, limit=1)
