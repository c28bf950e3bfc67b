"""What stands at the other end: the records behind the references and the many-to-many links of a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import sqlalchemy as sa

from crmkit.core.entity import EntityInfo, Record, value_of
from crmkit.core.errors import UnknownFieldError
from crmkit.core.fields import Reference
from crmkit.core.policy.rule_sources import FieldScope
from crmkit.core.storage.batches import id_parameters
from crmkit.core.storage.codecs import id_decoder

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader

__all__ = ["end_of", "expand"]

_OWNERS = ("owner_id", "team_id")


def expand(reader: Reader, records: Sequence[Record], relation: str) -> dict[UUID, Any]:
    """Return the records behind *relation* that *reader* sees, by id; of a link, lists by the id at this end.

    Raises:
        UnknownFieldError: there is no such relation, or it is hidden.
    """
    if not records:
        return {}
    info = reader.model.registry.entity(type(records[0]))
    if relation in info.links:
        return _expand_link(reader, info, records, relation)
    target = end_of(reader, info, relation)
    field = next(f for f in (*info.fields.values(), *info.custom.values()) if f.relation == relation)
    wanted = [id_ for record in records if (id_ := value_of(record, field)) is not None]
    return reader.get_many(target.cls, wanted)


def end_of(reader: Reader, info: EntityInfo, relation: str) -> EntityInfo:
    """Return the entity of the records behind *relation* of *info*.

    Raises:
        UnknownFieldError: there is no such relation, or it is hidden.
    """
    if relation in info.links:
        _link, _mine, other = _link_of(reader, info, relation)
        return reader.model.registry.entities[other.entity]
    return FieldScope(reader.model.registry, info, reader.access).related(relation).entity


def _link_of(reader: Reader, info: EntityInfo, relation: str) -> tuple[EntityInfo, _End, _End]:
    link = reader.model.registry.entities[info.links[relation]]
    mine, other = _link_ends(link, info.id)
    if not {mine.name, other.name} <= reader.access.entity(link).readable:
        raise UnknownFieldError(info.id, relation)
    return link, mine, other


def _expand_link(reader: Reader, info: EntityInfo, records: Sequence[Record], relation: str) -> dict[UUID, Any]:
    link, mine, other = _link_of(reader, info, relation)
    ids = [record.id for record in records]
    pairs = _pairs(reader, link, mine, other, ids)
    targets = reader.get_many(reader.model.registry.entities[other.entity].cls, [far for _near, far in pairs])
    expanded: dict[UUID, Any] = {id_: [] for id_ in ids}
    for near, far in pairs:
        if far in targets:
            expanded[near].append(targets[far])
    return expanded


def _pairs(reader: Reader, link: EntityInfo, mine: _End, other: _End, ids: Sequence[UUID]) -> list[tuple[UUID, UUID]]:
    """Return the ids at both ends of the visible records of *link* that have one of *ids* at this end, oldest first."""
    table, visibility = reader.model.schema.table(link), reader.named_visibility

    def statement(number: int) -> sa.Select[Any]:
        near = table.c[mine.name]
        pair = sa.select(near, table.c[other.name]).where(near.in_(id_parameters(number)))
        return pair.where(visibility.shown(link, table.c)).order_by(table.c.id)

    decode = id_decoder(reader.model.storage.dialect.name)
    rows = reader.rows_by_ids(("link", link.id, mine.name), statement, ids)
    return [(decode(near), decode(far)) for near, far in rows]


@attrs.frozen
class _End:
    """One end of a link: the reference's name and the entity at that end."""

    name: str
    entity: str


def _link_ends(link: EntityInfo, entity: str) -> tuple[_End, _End]:
    """Return the reference of *link* to *entity* and the other one."""
    ends = [
        _End(field.name, field.type.entity)
        for field in link.fields.values()
        if isinstance(field.type, Reference) and field.name not in _OWNERS
    ]
    near = next(end for end in ends if end.entity == entity)
    return near, next(end for end in ends if end is not near)
