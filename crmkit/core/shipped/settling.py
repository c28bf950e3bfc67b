"""Bringing shipped records up to date with what plugins ship today: made, changed and removed where nobody edited."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from crmkit.core.errors import CrmkitError
from crmkit.core.jobs.context import WorkContext
from crmkit.core.jobs.job import Job, NoArguments
from crmkit.core.jobs.schedule import Schedule
from crmkit.core.shipped.record_edits import as_edited, keep_forms, track
from crmkit.core.shipped.records import RecordKind, Tracked, tracked
from crmkit.core.writing.changes import creation

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["SETTLING_WORK", "settle_shipped"]

_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())


def settle_shipped(db: Writer) -> list[str]:
    """Let records be as plugins ship them today, where nobody has edited them, and return the ids of what changed.

    It takes the system's writer. What comes out depends on what is kept and what is shipped, and on nothing else: it
    may run as often as one likes, and after a downgrade as well as after an upgrade. One thing that cannot be written
    is left as it is and logged; it keeps no other from coming.
    """
    return [thing for kind in db.model.record_kinds.values() for thing in _settled(db, kind)]


def _settled(db: Writer, kind: RecordKind) -> Iterator[str]:
    known = {each.thing: each for each in tracked(db, kind)}
    for thing in sorted({*known, *kind.shipped(db.model)}):
        try:
            with db.attempt():
                changed = _upgrade(db, known[thing]) if thing in known else _take_up(db, kind, thing)
        except CrmkitError as error:
            _log.error("%s %s cannot be made as it is shipped: %s", kind.name, thing, error)
        else:
            if changed:
                yield thing


def _upgrade(db: Writer, each: Tracked) -> bool:
    edited = as_edited(db, each)
    upgraded = [difference for difference in edited.merged.differences if difference.state == "upgraded"]
    if upgraded:
        keep_forms(db, each, edited.forms.decided(edited.upstream, upgraded, "theirs"))
    return bool(upgraded)


def _take_up(db: Writer, kind: RecordKind, thing: str) -> bool:
    """Make the record of a *thing* that is new; one that stands here already was edited before that was kept."""
    values, record = kind.shipped(db.model)[thing], None
    info = db.model.registry.entity(kind.entity)
    if kind.key is not None:
        key = getattr(info.cls.f, kind.key)
        if not db.trusted.find(info.cls, key == thing, limit=1):
            return False
    else:
        tree = kind.tree(values)
        assert isinstance(tree, dict)
        record = db.create(info.cls(**kind.values_in(info, tree))).id
    db.take(creation(track(db, kind, thing, values, record), trusted=True))
    return True


def _run(context: WorkContext, _arguments: NoArguments) -> None:
    with context.finish() as db:
        settle_shipped(db)


SETTLE = Job("core.settle_shipped", _run, time_limit=timedelta(minutes=10), priority="low")
# An upgrade without revisions is noticed by nothing else.
SETTLING_WORK = (SETTLE, Schedule("core.settle_shipped_nightly", "5 3 * * *", SETTLE.id))
