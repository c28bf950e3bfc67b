"""Giving records away, with what hangs on them if asked, and keeping them in the sight of who had them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import sqlalchemy as sa

from crmkit.core.entity import EntityInfo, FieldInfo, Record, entity_info
from crmkit.core.fields import AnyReference, Reference
from crmkit.core.policy.rule_sources import TrustedSource, compile_trusted
from crmkit.core.rules.rule import Rule
from crmkit.core.storage.batches import id_parameters
from crmkit.core.storage.codecs import id_decoder
from crmkit.core.writing.authorise import refuse_forbidden
from crmkit.core.writing.changes import Write, grouped
from crmkit.core.writing.life import load_stored
from crmkit.core.writing.sharing import Holder, share

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["Keep", "plan_transfer"]

Keep = Literal["read", "write"] | None


def plan_transfer(
    writer: Writer,
    records: Sequence[Record],
    owner: UUID | None,
    team: UUID | None,
    *,
    with_related: bool,
    keep: Keep,
) -> list[Write]:
    """Return the writes that give *records* away, those asked for first; shares that *keep* asks for are made.

    Raises:
        NotFoundError, StaleError, ForbiddenError, ValidationError: as for :meth:`Writer.transfer`.
    """
    home = team or (writer.home_team_of(owner) if owner else None)
    make = partial(_transfer, owner=owner, team=home, is_home=team is None)
    writes = [make(entity_info(type(record)), record.id, version=record.version) for record in records]
    if with_related or keep:
        load_stored(writer, writes)
        refuse_forbidden(writer, writes)
    if with_related:
        writes += _related(writer, writes, make)
    if keep:
        _keep_in_sight(writer, writes, len(records), owner, keep)
    return writes


def _transfer(
    info: EntityInfo, id_: UUID, *, owner: UUID | None, team: UUID | None, is_home: bool, version: int | None = None
) -> Write:
    write = Write("transfer", info, id_, {"owner_id": owner, "team_id": team}, version=version)
    write.details["defaulted"] = ["team_id"] if is_home else []
    return write


def _related(writer: Writer, writes: Sequence[Write], make: Any) -> list[Write]:
    """Return transfers of what goes along with *writes*, and with that in turn.

    It belongs to who had the record that it hangs on; what the principal does not see or may not transfer stays.
    """
    found: list[Write] = []
    seen = {write.key for write in writes}
    todo = list(writes)
    while todo:
        fresh: list[Write] = []
        for entity, group in grouped(todo, lambda w: w.entity.id):
            owners = {write.record_id: write.stored.get("owner_id") for write in group}
            for info, id_ in _going_along(writer, entity, owners):
                if (info.id, id_) not in seen:
                    seen.add((info.id, id_))
                    fresh.append(make(info, id_))
        load_stored(writer, fresh)
        found += fresh
        todo = fresh
    return found


def _going_along(writer: Writer, entity: str, owners: dict[UUID, UUID | None]) -> Iterator[tuple[EntityInfo, UUID]]:
    decode = id_decoder(writer.model.storage.dialect.name)
    for info, field in writer.model.registry.references_to(entity):
        assert isinstance(field.type, Reference | AnyReference)
        if field.type.goes_along is None:
            continue
        statement = partial(_hanging, writer, entity, info, field)
        rows = writer.rows_by_ids(("going along", info.id, field.name, entity), statement, list(owners))
        theirs = [decode(id_) for id_, on, owner in rows if owner and decode(owner) == owners[decode(on)]]
        allowed = writer.allowed_ids(info, "transfer", theirs)
        yield from ((info, id_) for id_ in theirs if id_ in allowed)


def _hanging(writer: Writer, entity: str, info: EntityInfo, field: FieldInfo, number: int) -> sa.Select[Any]:
    table = writer.model.schema.table(info)
    is_any = isinstance(field.type, AnyReference)
    on = table.c[f"{field.name}_id"] if is_any else table.c[field.name]
    source = TrustedSource(writer.model.registry, writer.model.schema, info, table.c)
    rule = Rule.parse(str(getattr(field.type, "goes_along", None)))
    conditions = [table.c[f"{field.name}_entity"] == entity] if is_any else []
    return sa.select(table.c.id, on, table.c.owner_id).where(
        on.in_(id_parameters(number)), table.c.deleted_at.is_(None), *conditions, compile_trusted(rule, source, None)
    )


def _keep_in_sight(writer: Writer, writes: Sequence[Write], asked: int, owner: UUID | None, level: str) -> None:
    """Share what *writes* give away with who had it; of what goes along, what can be shared by itself."""
    kind, registry = AnyReference(), writer.model.registry
    kept = [w for place, w in enumerate(writes) if place < asked or registry.is_target(kind, w.entity.id)]
    for former, group in grouped(kept, lambda w: w.stored.get("owner_id")):
        if former is not None and former != owner:
            share(writer, [_stub(write) for write in group], Holder(former, None), level)


def _stub(write: Write) -> Any:
    """Return a record of which only the identity is known."""
    record = object.__new__(write.entity.cls)
    object.__setattr__(record, "id", write.record_id)
    return record
