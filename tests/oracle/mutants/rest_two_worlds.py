"""Faults in the HTTP API that tell of what is hidden beside the answer: in headers, texts and numbers nobody asked for.

No model foresees what else an answer may say. That it is the same whatever is hidden, two worlds show.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zlib import crc32

from crmkit.core.entity import loaded_values
from crmkit.core.errors import NotFoundError
from crmkit.rest import problems, searching
from crmkit.rest.replies import Reply
from crmkit.rest.reports import flow
from crmkit.rest.resources import addresses, single
from crmkit.transfer import jobs
from tests.oracle.acts import CLASSES
from tests.oracle.mutants.rest import handled
from tests.oracle.mutants.seeding import mutant
from tests.oracle.worlds import OWN_ENTITIES

__all__ = ["with_header"]


def with_header(name: str, value: Callable[[Any], object]) -> Callable[[Any], Any]:
    """Return what gives the answers of a handler a header, whose *value* is made of a reader."""

    def change(handler: Any) -> Any:
        def changed(call: Any) -> Reply:
            reply = handler(call)
            with call.reading() as db:
                return reply.beside({name: str(value(db))})  # type: ignore[no-any-return]

        return changed

    return change


def _number_of_all(call: Any) -> Any:
    def number(db: Any) -> int:
        info = addresses.entity_at(db, call.parameters)
        return int(db.trusted.count(info.cls))

    return number


@mutant("http_find", two_worlds=True)
def list_over_http_says_how_many_there_are():
    def change(handler):
        return lambda call: with_header("x-total", _number_of_all(call))(handler)(call)

    yield handled("list", change)


@mutant("http_jobs", two_worlds=True)
def jobs_over_http_say_how_many_wait():
    yield handled("list jobs", with_header("x-waiting", lambda db: db.trusted.jobs.count("ready")))


@mutant("http_get", two_worlds=True)
def etag_is_made_of_hidden_values():
    def etag_in(db, _info, record):
        whole = repr(loaded_values(db.trusted.get(type(record), record.id)))
        return f'"{record.version}-{crc32(whole.encode()):08x}"'

    for module in (addresses, single):
        yield module, "etag_in", etag_in


@mutant("http_get", "http_history", two_worlds=True)
def problem_describes_the_record_that_is_hidden():
    original = problems.described

    def described(error, locale):
        told = original(error, locale)
        return {**told, "detail": f"{told['detail']} {_found[-1]}"} if isinstance(error, NotFoundError) else told

    _found: list[Any] = [None]
    at_record = addresses.at_record

    def looking(db, call):
        info = addresses.entity_at(db, call.parameters)
        try:
            _found.append(loaded_values(db.trusted.get(info.cls, call.parameters["record"])))
        except NotFoundError:
            _found.append(None)
        return at_record(db, call)

    yield problems, "described", described
    yield single, "at_record", looking


@mutant("http_search", two_worlds=True)
def snippets_are_those_of_the_system():
    original = searching._item

    def item(db, hit, record):
        stored = loaded_values(db.trusted.get(type(hit.record), hit.record.id))
        whole = {**original(db, hit, record)}
        return {**whole, "snippet": {**whole["snippet"], "text": str(stored)}}

    yield searching, "_item", item


@mutant("http_boards", two_worlds=True)
def board_over_http_tells_what_of_all_is_without_money():
    original = flow.board

    def board(db, cls, *given, **more):
        found, whole = original(db, cls, *given, **more), original(db.trusted, cls, *given, **more)
        lanes = {lane.slug: lane.unpriced for lane in whole.lanes}
        object.__setattr__(found, "lanes", tuple(_unpriced(lane, lanes) for lane in found.lanes))
        return found

    yield flow, "board", board


def _unpriced(lane: Any, numbers: dict[str, int]) -> Any:
    object.__setattr__(lane, "unpriced", numbers.get(lane.slug, 0))
    return lane


@mutant("http_imported", two_worlds=True)
def report_of_an_import_says_how_many_records_there_are():
    original = jobs.note_told

    def note_told(db, job, told):
        numbers = {entity: db.trusted.count(CLASSES[entity]) for entity in OWN_ENTITIES}
        return original(db, job, {**told, "records": numbers})

    yield jobs, "note_told", note_told
