"""Giving back to somebody who was offboarded what still stands as the offboarding left it.

The ledger says what that was. What has been changed since belongs to those who changed it, and is reported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import attrs
import msgspec
import sqlalchemy as sa

from crmkit.core.entity import EntityInfo
from crmkit.core.errors import ConflictError, CrmkitError, ValidationError
from crmkit.core.fields import Target
from crmkit.core.offboarding.belongings import references_to_users
from crmkit.core.offboarding.offboard import check_may_offboard
from crmkit.core.text import gettext as _
from crmkit.core.writing.changes import Kind, Write, grouped
from crmkit.core.writing.writer import Writer

__all__ = ["GivenBack", "NotOffboardedError", "take_back"]


class NotOffboardedError(CrmkitError):
    """Nothing can be given back to somebody who was not offboarded, or got everything back already."""

    code = "not-offboarded"
    template = _("{reference!r} was not offboarded, or came back already.")

    def __init__(self, reference: object) -> None:
        """Name the user."""
        super().__init__(reference=str(reference))


@attrs.frozen
class GivenBack:
    """What was given back, as counts by entity, and what was *changed* since and stays, as far as the caller sees."""

    user_id: UUID
    returned: Mapping[str, int]
    changed: tuple[Target, ...]


@attrs.frozen
class _Done:
    """What the offboarding did to one record: *values* maps fields to what they were and became."""

    kind: str
    entity: str
    record_id: UUID
    values: Mapping[str, tuple[Any, Any]]


def take_back(writer: Writer, user: UUID) -> GivenBack:
    """Give back to *user* what the latest offboarding took and nobody has changed since, and return what that was.

    Roles, memberships and shares come back too, and the user is active again.

    Raises:
        NotFoundError, ForbiddenError: as for :func:`offboard`.
        NotOffboardedError: there is nothing to give back.
    """
    leaver = check_may_offboard(writer, user)
    table = writer.model.schema.system.offboarding
    mine = (table.c.user_id == user, table.c.returned_at.is_(None))
    row = writer.connection.execute(sa.select(table).where(*mine).order_by(table.c.id.desc()).limit(1)).one_or_none()
    if row is None:
        raise NotOffboardedError(user)
    with writer.attempt():
        if not getattr(leaver, "is_active", True):
            writer.update(leaver, is_active=True)
        done = list(_done(writer, row.first_id, row.last_id))
        told = _told(writer, done)
        pieces = list(_pieces(writer, done, row.at))
        given: list[Write] = []
        # One record may get back its owner, and then what another field said.
        for kind in ("transfer", "update", "restore"):
            given += _taken(writer, [write for _key, write in pieces if write is not None and write.kind == kind])
        writer.connection.execute(sa.update(table).where(table.c.id == row.id).values(returned_at=writer.now))
        # What was in the bin is seen only now.
        told |= _told(writer, done)
    back = {(write.kind, write.key) for write in given}
    changed = [key for key, write in pieces if write is None or (write.kind, write.key) not in back]
    returned = Counter(entity for entity, id_ in {key for _kind, key in back} if (entity, id_) in told)
    return GivenBack(user, returned, tuple(Target(*key) for key in dict.fromkeys(changed) if key in told))


def _done(writer: Writer, first: int, last: int) -> Iterator[_Done]:
    """Yield what the rows of the ledger from *first* to *last* say, but for what hooks did beside it."""
    system = writer.model.schema.system
    ledger, payload = system.ledger, system.ledger_payload
    joined = ledger.outerjoin(payload, payload.c.ledger_id == ledger.c.id)
    columns = (ledger.c.kind, ledger.c.entity, ledger.c.record_id, payload.c.changes)
    statement = sa.select(*columns).select_from(joined).where(ledger.c.id.between(first, last), ledger.c.depth == 0)
    for kind, entity, record, changes in writer.connection.execute(statement.order_by(ledger.c.id)):
        # Where a person was erased, nothing tells any more what the values were.
        decoded = msgspec.json.decode(changes) if changes else {}
        if entity in writer.model.registry.entities:
            yield _Done(kind, entity, record, {name: (old, new) for name, (old, new) in decoded.items()})


def _told(writer: Writer, done: Iterable[_Done]) -> set[tuple[str, UUID]]:
    """Return the records of which the caller may know that they were the leaver's."""
    names: dict[str, set[str]] = {}
    for info, field, _action in references_to_users(writer):
        name = f"{info.extends_as}.{field.name}" if info.extends_as else field.name
        names.setdefault(info.host or info.id, set()).add(name)
    found: set[tuple[str, UUID]] = set()
    for entity, group in grouped(done, lambda d: d.entity):
        info = writer.model.registry.entities[entity]
        if names.get(entity, set()) <= writer.access.entity(info).readable:
            found |= {(entity, id_) for id_ in writer.visible_ids(info, [d.record_id for d in group])}
    return found


def _pieces(writer: Writer, done: Sequence[_Done], at: datetime) -> Iterator[tuple[tuple[str, UUID], Write | None]]:
    """Yield the record of each of *done*, and the write that gives it back; none where it does not stand any more."""
    for (entity, kind), group in grouped(done, lambda d: (d.entity, d.kind)):
        info, ids = writer.model.registry.entities[entity], sorted(d.record_id for d in group)
        rows = writer.trusted.stored_rows(info, "update", ids)
        sides = writer.model.store.read_extensions(writer.connection, info, ids)
        names = _names(writer, entity, kind)
        for each in group:
            values = rows[each.record_id][0] | sides[each.record_id] if each.record_id in rows else {}
            changed = {name: pair for name, pair in each.values.items() if name in names}
            if changed or kind == "delete" or not each.values:
                yield (entity, each.record_id), _piece(info, each, changed, values, at)


def _names(writer: Writer, entity: str, kind: str) -> set[str]:
    """Return the fields of *entity* that a write of *kind* of an offboarding changes."""
    if kind == "transfer":
        return {"owner_id", "team_id"}
    return {name for name, field in writer.model.registry.fields(entity).items() if _returns(field)}


def _piece(
    info: EntityInfo,
    done: _Done,
    changed: Mapping[str, tuple[Any, Any]],
    values: Mapping[str, Any],
    at: datetime,
) -> Write | None:
    if done.kind == "delete":
        stands = values.get("deleted_at") == at
        return Write("restore", info, done.record_id, {}, trusted=True) if stands else None
    if not changed or not values or values["deleted_at"] is not None or not _stands(changed, values):
        return None
    back = {name: _id(old) for name, (old, _new) in changed.items()}
    kind: Kind = "transfer" if done.kind == "transfer" else "update"
    return Write(kind, info, done.record_id, back, trusted=True)


def _returns(field: Any) -> bool:
    return getattr(field.type, "on_leave", "keep") in ("transfer", "clear")


def _stands(changed: Mapping[str, tuple[Any, Any]], values: Mapping[str, Any]) -> bool:
    return all(values.get(name) == _id(new) for name, (_old, new) in changed.items())


def _id(told: str | None) -> UUID | None:
    return None if told is None else UUID(told)


def _taken(writer: Writer, writes: Sequence[Write]) -> list[Write]:
    """Write those of *writes* that nothing stands against, and return them."""
    if not writes:
        return []
    try:
        with writer.attempt():
            writer.take(*writes)
    except (ConflictError, ValidationError):
        # Something that one of them refers to has gone, or its place is taken: find out which, half by half.
        if len(writes) == 1:
            return []
        middle = len(writes) // 2
        fresh = [Write(w.kind, w.entity, w.record_id, dict(w.values), trusted=True) for w in writes]
        return _taken(writer, fresh[:middle]) + _taken(writer, fresh[middle:])
    return list(writes)
