"""Faults in the HTTP API: a handler that reads behind the wall, forgets what was asked, or does half of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import attrs

from crmkit.rest import app
from crmkit.rest.queries import ListQuery
from crmkit.rest.resources import addresses, batches, listing, sharing, single
from tests.oracle.mutants.seeding import mutant

__all__ = ["Trusting", "asked", "handled", "trusting"]


class Trusting:
    """A request whose handler reads whatever there is."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    @contextmanager
    def reading(self) -> Iterator[Any]:
        with self._call.reading() as db:
            yield db.trusted


def handled(name: str, change: Callable[[Callable[[Any], Any]], Callable[[Any], Any]]) -> tuple[Any, str, Any]:
    """Return the replacement of all doors in which *change* made another handler for the door *name*."""
    assert any(each.name == name for each in app.DOORS), name
    doors = [attrs.evolve(each, handler=change(each.handler)) if each.name == name else each for each in app.DOORS]
    return app, "DOORS", tuple(doors)


def trusting(name: str) -> tuple[Any, str, Any]:
    """Return the replacement of all doors in which the door *name* reads whatever there is."""
    return handled(name, lambda handler: lambda call: handler(Trusting(call)))


@mutant("http_find", "http_count")
def list_over_http_is_that_of_the_system():
    yield trusting("list")


@mutant("http_get")
def record_over_http_is_what_the_system_sees():
    yield trusting("get")


@mutant("http_history")
def history_over_http_is_that_of_the_system():
    yield trusting("history")


@mutant("http_timeline")
def time_line_over_http_is_that_of_the_system():
    yield trusting("timeline")


@mutant("http_sections")
def sections_over_http_are_those_of_the_system():
    yield trusting("sections")


@mutant("http_aggregate")
def measures_over_http_are_those_of_the_system():
    yield trusting("aggregate")


def asked(**change: Any) -> Any:
    """Return a replacement of ``ListQuery.of`` that takes something else for asked."""
    original = ListQuery.of.__func__  # type: ignore[attr-defined]
    return classmethod(lambda cls, *asked: attrs.evolve(original(cls, *asked), **change))


@mutant("http_find", "http_count")
def filter_over_http_is_forgotten():
    yield ListQuery, "of", asked(where=None)


@mutant("http_find")
def order_over_http_is_forgotten():
    yield ListQuery, "of", asked(order_by=None)


@mutant("http_pages")
def cursor_over_http_is_forgotten():
    yield ListQuery, "of", asked(cursor=None)


@mutant("http_find_deleted", steps=["delete"] * 3)
def bin_over_http_is_the_list():
    yield ListQuery, "of", asked(deleted=False)


@mutant("http_find")
def records_over_http_have_what_the_system_reads():
    original = listing.represented

    def represented(db, records, **shown):
        return original(db.trusted, [db.trusted.get(type(record), record.id) for record in records], **shown)

    yield listing, "represented", represented


@mutant("http_update", "http_delete")
def change_over_http_needs_no_etag():
    yield single, "seen_record", lambda db, call, **_how: addresses.at_record(db, call)


@mutant("http_update")
def null_over_http_clears_nothing():
    original = single.read_values

    def read_values(db, cls, given, **over):
        return {name: value for name, value in original(db, cls, given, **over).items() if value is not None}

    yield single, "read_values", read_values


@mutant("http_create")
def custom_fields_over_http_are_forgotten():
    original = single.new_record
    yield (
        single,
        "new_record",
        lambda info, values: original(info, {n: v for n, v in values.items() if "custom." not in n}),
    )


@mutant("http_update", "http_delete")
def batch_over_http_does_what_it_may():
    original = batches._Doing.__init__
    yield batches._Doing, "__init__", lambda self, db, info, *, each: original(self, db, info, each=True)


@mutant("http_delete", "http_update")
def batch_over_http_forgets_versions():
    original = batches._stored

    def stored(db, info, changes):
        for change in changes:
            change.version = None
        return original(db, info, changes)

    yield batches, "_stored", stored


@mutant("http_transfer")
def transfer_over_http_forgets_the_team():
    class Teamless:
        def __init__(self, db: Any) -> None:
            self._db = db

        def __getattr__(self, name: str) -> Any:
            return getattr(self._db, name)

        def transfer(self, record: Any, owner: Any, *, team: Any, **how: Any) -> Any:
            return self._db.transfer(record, owner, **how)

    def change(handler):
        def changed(call):
            write = call.write
            call = Trusting(call)
            call.write = lambda work: write(lambda db: work(Teamless(db)))
            return handler(call)

        return changed

    yield handled("transfer", change)


@mutant("http_share")
def share_over_http_is_for_reading():
    original = sharing.NewShare

    def change(handler):
        def changed(call):
            asked = call.read(original)
            asked.level = "read"
            call = Trusting(call)
            call.read = lambda _form: asked
            return handler(call)

        return changed

    yield handled("share", change)
