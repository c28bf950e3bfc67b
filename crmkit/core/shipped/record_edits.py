"""Shipped records that are edited here: deciding about them, and noting at the edit what was shipped then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from crmkit.core.entity import entity_info
from crmkit.core.errors import NotFoundError
from crmkit.core.shipped.entities import LocalEdit
from crmkit.core.shipped.kinds import Edited, Kind
from crmkit.core.shipped.records import RecordKind, Tracked, tracked
from crmkit.core.shipped.roles import check_may_edit, may_edit
from crmkit.core.shipped.three_way import Forms
from crmkit.core.shipped.trees import ABSENT, Absent, Tree
from crmkit.core.writing.changes import Write, creation

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader
    from crmkit.core.writing.writer import Writer

__all__ = ["as_edited", "as_kind", "edits_that_begin", "keep_forms", "track"]


def as_kind(kind: RecordKind) -> Kind:
    """Return *kind* with what deciding about it asks for."""
    return Kind(kind.name, partial(_edited, kind), partial(_keep, kind), partial(_reset, kind))


def as_edited(db: Reader, each: Tracked) -> Edited:
    """Return the three forms of a tracked thing."""
    upstream, version = each.kind.upstream(db.model, each.thing), db.model.version_of(each.thing)
    waits = each.kind.waits_for(each.local)
    return Edited(each.kind.name, each.thing, each.forms, upstream, each.edit.base_version, version, waits)


def _edited(kind: RecordKind, db: Reader) -> Iterator[Edited]:
    if may_edit(db):
        yield from (as_edited(db, each) for each in tracked(db, kind))


def _keep(kind: RecordKind, db: Writer, edited: Edited, forms: Forms, _mapping: Mapping[str, str]) -> None:
    check_may_edit(db, edited.thing)
    keep_forms(db, next(tracked(db, kind, [edited.thing])), forms)


def _reset(kind: RecordKind, db: Writer, edited: Edited) -> None:
    check_may_edit(db, edited.thing)
    # What is in effect without a record needs none once it is as it is shipped.
    goal = ABSENT if kind.key else edited.upstream
    keep_forms(db, next(tracked(db, kind, [edited.thing])), Forms(goal, goal))


def keep_forms(db: Writer, each: Tracked, forms: Forms) -> None:
    """Let the record of a tracked thing be as the local form is, and keep the other one beside it.

    Raises:
        ForbiddenError, ValidationError: the principal may not write the record so.
    """
    record = each.edit.record_id if forms.local == each.forms.local else _put(db, each, forms.local)
    info = entity_info(LocalEdit)
    if isinstance(forms.base, Absent) and isinstance(forms.local, Absent):
        db.take(Write("delete", info, each.edit.id, {}, trusted=True))
        return
    base = each.kind.plain(db.model.registry.entity(each.kind.entity), forms.base)
    values = {"base": base, "base_version": db.model.version_of(each.thing), "record_id": record}
    db.take(Write("update", info, each.edit.id, values, trusted=True))


def _put(db: Writer, each: Tracked, wanted: Tree | Absent) -> UUID | None:
    """Write *wanted* into the record, and return the id of that as far as the local edit names it."""
    info = db.model.registry.entity(each.kind.entity)
    if isinstance(wanted, Absent):
        if each.record is not None:
            db.delete(each.record)
        return each.edit.record_id
    values = each.kind.values_in(info, wanted)
    record = each.record or _from_bin(db, each)
    if record is None:
        key = {each.kind.key: each.thing} if each.kind.key else {}
        record = db.create(info.cls(**key, **values))
    else:
        db.update(record, values)
    return None if each.kind.key else record.id


def _from_bin(db: Writer, each: Tracked) -> Any:
    if each.edit.record_id is None:
        return None
    try:
        return db.restore(db.entity(each.kind.entity), each.edit.record_id)
    except NotFoundError:
        return None


def track(db: Writer, kind: RecordKind, thing: str, values: Mapping[str, Any], record: UUID | None) -> LocalEdit:
    """Return what is to be kept of a *thing* that was shipped with *values* when its *record* was made or edited."""
    version = db.model.version_of(thing)
    return LocalEdit(kind=kind.name, thing=thing, base=values, local={}, base_version=version, record_id=record)


def edits_that_begin(writer: Writer, writes: Sequence[Write]) -> list[Write]:
    """Return what is kept of the edits that *writes* are: what was shipped when they were made.

    Whoever edits has seen the record as it is, and decides by that about the places that they change.
    """
    kinds = writer.model.record_kinds
    found: list[Write] = []
    for entity in dict.fromkeys(w.entity.id for w in writes if w.entity.id in kinds):
        kind, mine = kinds[entity], [w for w in writes if w.entity.id == entity]
        if kind.key is not None:
            found += _begun(writer, kind, kind.key, [w for w in mine if w.kind == "create"])
        found += _decided(writer, kind, [w for w in mine if w.kind == "update"])
    return found


def _begun(writer: Writer, kind: RecordKind, key: str, writes: Sequence[Write]) -> Iterator[Write]:
    shipped = kind.shipped(writer.model) if writes else {}
    things = {write.get(key) for write in writes} & shipped.keys()
    known = {each.thing for each in tracked(writer, kind, sorted(things))} if things else set()
    for thing in sorted(things - known):
        yield creation(track(writer, kind, thing, shipped[thing], None), trusted=True)


def _decided(writer: Writer, kind: RecordKind, writes: Sequence[Write]) -> Iterator[Write]:
    by_record = {write.record_id: write for write in writes if any(map(write.changes, kind.fields))}
    for each in tracked(writer, kind) if by_record else ():
        write = by_record.get(each.record.id) if each.record is not None else None
        upstream = kind.upstream(writer.model, each.thing)
        if write is not None and not isinstance(upstream, Absent):
            wanted = kind.values_of(write.entity, {name: write.get(name) for name in kind.fields})
            decided = each.forms.edited(upstream, kind.tree(each.local), kind.tree(wanted))
            base = kind.plain(write.entity, decided.base or ABSENT)
            if base != each.edit.base:
                yield Write("update", entity_info(LocalEdit), each.edit.id, {"base": base}, trusted=True)
