"""Making the words of records that were written when other fields were searched, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from crmkit.core.jobs.context import WorkContext
from crmkit.core.jobs.job import Job, NoArguments
from crmkit.core.progress import Meter, Show
from crmkit.core.searching.documents import Searched
from crmkit.core.searching.stored import StoredTexts
from crmkit.core.storage.locks import locked
from crmkit.core.storage.schema import Schema
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader
    from crmkit.core.writing.writer import Writer

__all__ = [
    "MAKE_SEARCH_INDEX",
    "behind",
    "forget_made",
    "have_search_made",
    "make_all",
    "make_next",
    "make_words",
    "note_made",
    "rebuild",
]

_AT_ONCE = 500
_KEY = "search:"


def _make(context: WorkContext, _arguments: NoArguments) -> None:
    """Bring what is kept up to date, in batches that each are a transaction; cut short, it goes on where it was."""
    has_more = True
    while has_more:
        with context.write() as db:
            has_more = make_next(db) is not None


MAKE_SEARCH_INDEX = Job("core.make_search_index", _make, time_limit=timedelta(hours=6), priority="low")


def behind(db: Reader) -> list[str]:
    """Return the entities of which some records may not be found: their words are still to be made."""
    states = _states(db)
    return [entity for entity, searched in db.model.searched.items() if not _is_made(searched, states.get(entity))]


def have_search_made(db: Writer) -> bool:
    """Have a worker make the words that are still to be made, and return whether there are any; *db* sees all."""
    # While a plugin's first revision is being written, its entities have no tables.
    there = set(sa.inspect(db.connection).get_table_names())
    late = [entity for entity in behind(db) if db.model.registry.entities[entity].table in there]
    filled = [entity for entity in late if _has_records(db, entity)]
    note_made(db, [db.model.searched[entity] for entity in late if entity not in filled])
    if filled:
        db.enqueue(MAKE_SEARCH_INDEX)
    return bool(filled)


def note_made(db: Writer, new: Iterable[Searched]) -> None:
    """Keep that nothing is to be made of the *new* entities, which have no record yet."""
    for searched in new:
        _keep(db, searched, None)


def forget_made(connection: Connection, schema: Schema) -> None:
    """Forget what was made, so that the words of all records are to be made again."""
    done = schema.system.checkpoint
    connection.execute(sa.delete(done).where(done.c.key.startswith(_KEY, autoescape=True)))


def make_next(db: Writer) -> int | None:
    """Make the words of the next records, and return of how many; ``None`` if all are made. *db* sees all."""
    states = _states(db)
    for searched in db.model.searched.values():
        state = states.get(searched.info.id)
        if not _is_made(searched, state):
            return _go_on(db, searched, state)
    return None


def rebuild(open_writer: Callable[[], AbstractContextManager[Writer]], *, show: Show | None = None) -> int:
    """Make the words of all records again, and return of how many; *open_writer* opens a transaction that sees all.

    Each batch is a transaction of its own. A worker does what is left where this is cut short.
    """
    with open_writer() as db:
        forget_made(db.connection, db.model.schema)
        db.enqueue(MAKE_SEARCH_INDEX, run_at=db.now + timedelta(minutes=10))
    return make_all(open_writer, show=show)


def make_all(
    open_writer: Callable[[], AbstractContextManager[Writer]],
    *,
    number: int = 1,
    steps: int = 1,
    show: Show | None = None,
) -> int:
    """Make the words that are still to be made, each batch in a transaction, and return of how many records."""
    with open_writer() as db:
        total = sum(_count(db, entity) for entity in behind(db))
    meter = Meter(show, translate(_("search")), number=number, steps=steps, total=total)
    count = 0
    made: int | None = 0
    while made is not None:
        with open_writer() as db:
            made = make_next(db)
        count += made or 0
        meter.advance(made or 0)
    meter.finish()
    return count


def _count(db: Reader, entity: str) -> int:
    table = db.model.schema.table(db.model.registry.entities[entity])
    return db.connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def _go_on(db: Writer, searched: Searched, state: Mapping[str, Any] | None) -> int:
    goes_on = state is not None and _fits(searched, state)
    after = UUID(state["after"]) if state is not None and goes_on else UUID(int=0)
    table = db.model.schema.table(searched.info)
    page = sa.select(table.c.id).where(table.c.id > after).order_by(table.c.id).limit(_AT_ONCE)
    ids: Sequence[UUID] = db.connection.scalars(page).all()
    make_words(db, searched, ids)
    _keep(db, searched, ids[-1] if len(ids) == _AT_ONCE else None)
    return len(ids)


def make_words(db: Writer, searched: Searched, ids: Sequence[UUID]) -> None:
    """Make the words of the records with *ids* from what is stored, which nobody changes meanwhile: they are locked."""
    texts = StoredTexts(db.model.registry, db.model.schema, searched)
    wanted = texts.select().where(texts.table.c.id.in_(ids))
    rows = db.connection.execute(locked(wanted, texts.table, db.model.storage.dialect.name, "change"))
    db.model.search_documents.put(db.connection, searched.info.id, [(row.id, texts.words(row)) for row in rows])


def _states(db: Reader) -> dict[str, Mapping[str, Any]]:
    done = db.model.schema.system.checkpoint
    asked = sa.select(done.c.key, done.c.state).where(done.c.key.startswith(_KEY, autoescape=True))
    return {key.removeprefix(_KEY): state for key, state in db.connection.execute(asked)}


def _fits(searched: Searched, state: Mapping[str, Any]) -> bool:
    return searched.state.items() <= state.items()


def _is_made(searched: Searched, state: Mapping[str, Any] | None) -> bool:
    return state is not None and state["after"] is None and _fits(searched, state)


def _has_records(db: Reader, entity: str) -> bool:
    table = db.model.schema.table(db.model.registry.entities[entity])
    return db.connection.scalar(sa.select(table.c.id).limit(1)) is not None


def _keep(db: Writer, searched: Searched, after: UUID | None) -> None:
    """Keep that the words of all records up to *after* are made, or of all there are."""
    done, key = db.model.schema.system.checkpoint, _KEY + searched.info.id
    kept = {"state": {**searched.state, "after": None if after is None else str(after)}, "updated_at": db.now}
    make = sqlite.insert if db.model.storage.is_sqlite else postgresql.insert
    # Two may keep the same at the same time: those that bring one database up to date.
    new = make(done).values(key=key, position=0, **kept)
    db.connection.execute(new.on_conflict_do_update(index_elements=[done.c.key], set_=kept))
