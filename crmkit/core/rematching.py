"""Making the keys of records that were written before there was a matcher, or when it made other keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crmkit.core.entity import EntityInfo
from crmkit.core.jobs.context import WorkContext
from crmkit.core.jobs.job import Job, NoArguments
from crmkit.core.matching import Matcher

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader
    from crmkit.core.writing.writer import Writer

__all__ = ["MAKE_MATCH_KEYS", "entities_without_keys"]

_AT_ONCE = 500
_SAMPLED = 200


def _make(context: WorkContext, _arguments: NoArguments) -> None:
    """Bring the keys of all records up to date, those in the bin too, in batches that each are a transaction."""
    with context.read() as db:
        entities = sorted(db.model.registry.matchers)
    for entity in entities:
        has_more = True
        while has_more:
            with context.write() as db:
                has_more = _go_on(db, entity)


MAKE_MATCH_KEYS = Job("core.make_match_keys", _make, time_limit=timedelta(hours=2), priority="low")


def _go_on(db: Writer, entity: str) -> bool:
    """Bring the keys of the next records up to date, keep how far that is, and return whether there are more."""
    info, done = db.model.registry.entities[entity], db.model.schema.system.checkpoint
    table, mine = db.model.schema.table(info), done.c.key == f"match_keys:{entity}"
    state = db.connection.scalar(sa.select(done.c.state).where(mine)) or {"after": str(UUID(int=0)), "count": 0}
    page = sa.select(table.c.id).where(table.c.id > UUID(state["after"])).order_by(table.c.id).limit(_AT_ONCE)
    ids: Sequence[UUID] = db.connection.scalars(page).all()
    # Locked, so that nobody changes a value and its keys meanwhile.
    rows = db.trusted.stored_rows(info, "update", ids) if ids else {}
    _bring_up_to_date(db, info, {id_: values for id_, (values, *_verdicts) in rows.items()})
    db.connection.execute(sa.delete(done).where(mine))
    if len(ids) < _AT_ONCE:
        return False
    state, count = {"after": str(ids[-1])}, state["count"] + len(ids)
    values = {"key": f"match_keys:{entity}", "position": count, "state": state | {"count": count}}
    db.connection.execute(sa.insert(done).values(**values, updated_at=db.now))
    return True


def _bring_up_to_date(db: Writer, info: EntityInfo, values: dict[UUID, dict[str, Any]]) -> None:
    kept, matcher = db.model.schema.system.match_key, db.model.registry.matchers[info.id]
    present = _present(db, info, values)
    wanted = {id_: _made(matcher, each) for id_, each in values.items()}
    stale = [id_ for id_ in values if present[id_] - wanted[id_]]
    if stale:
        db.connection.execute(sa.delete(kept).where(kept.c.entity == info.id, kept.c.record_id.in_(stale)))
    rows = [
        {"entity": info.id, "key": key, "record_id": id_}
        for id_, keys in wanted.items()
        for key in sorted(keys if id_ in stale else keys - present[id_])
    ]
    db.model.match_keys.insert(db.connection, rows)


def _made(matcher: Matcher, values: dict[str, Any]) -> set[str]:
    return matcher.of({name: values.get(name) for name in matcher.needs})


def _present(db: Reader, info: EntityInfo, ids: Iterable[UUID]) -> dict[UUID, set[str]]:
    kept, found = db.model.schema.system.match_key, {id_: set[str]() for id_ in ids}
    asked = sa.select(kept.c.record_id, kept.c.key).where(kept.c.entity == info.id, kept.c.record_id.in_(found))
    for row in db.connection.execute(asked):
        found[row.record_id].add(row.key)
    return found


def entities_without_keys(db: Reader) -> list[str]:
    """Return the entities of which some records lack keys that their matcher makes: a sample of them is looked at.

    The oldest records are looked at, and the oldest without any key; *db* reads everything.
    """
    return sorted(entity for entity, matcher in db.model.registry.matchers.items() if _lacks_keys(db, matcher))


def _lacks_keys(db: Reader, matcher: Matcher) -> bool:
    info, kept = db.model.registry.entities[matcher.id], db.model.schema.system.match_key
    table = db.model.schema.table(info)
    oldest = sa.select(table.c.id).where(table.c.deleted_at.is_(None)).order_by(table.c.id).limit(_SAMPLED)
    has_one = sa.exists().where(kept.c.record_id == table.c.id, kept.c.entity == info.id)
    ids = {id_ for asked in (oldest, oldest.where(~has_one)) for id_ in db.connection.scalars(asked)}
    present = _present(db, info, ids)
    records = db.get_many(info.cls, ids)
    return any(
        _made(matcher, {name: getattr(record, name, None) for name in matcher.needs}) - present[id_]
        for id_, record in records.items()
    )
