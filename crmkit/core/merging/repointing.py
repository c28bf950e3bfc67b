"""What refers to the losers of a merge refers to the winner afterwards, in the records of all plugins.

Hidden records follow too, because a reference that stayed behind would lead nowhere. Nothing is told of them, and a
merge that would make one of them visible to whoever merges is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs

from crmkit.core.entity import EntityInfo, FieldInfo, entity_info
from crmkit.core.errors import ConflictError
from crmkit.core.fields import AnyReference, Reference, Target
from crmkit.core.policy.people import Share
from crmkit.core.writing.changes import Write, grouped
from crmkit.core.writing.referring import host_of, qualified, referring

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["Followers", "check_nothing_appears", "followers"]

Key = tuple[str, UUID]


@attrs.frozen
class Followers:
    """The writes by which references follow: changes, and deletions of links that the winner has already."""

    changes: list[Write]
    folded: list[Write]

    def hidden(self, writer: Writer) -> list[tuple[EntityInfo, set[UUID]]]:
        """Return the records that *writer*'s principal does not see, by entity."""
        entities = writer.model.registry.entities
        found: list[tuple[EntityInfo, set[UUID]]] = []
        for entity, group in grouped(self.changes, lambda w: w.entity.id):
            ids = [w.record_id for w in group]
            if hidden := set(ids) - writer.visible_ids(entities[entity], ids):
                found.append((entities[entity], hidden))
        return found


def followers(writer: Writer, winner: Write, losers: Sequence[Write]) -> Followers:
    """Return what must be written so that all references to *losers* lead to *winner*.

    Shares stay with what they are of: whoever saw a loser does not gain the winner.
    """
    entity, merged = winner.entity.id, {w.key for w in (winner, *losers)}
    changes: dict[Key, Write] = {}
    folded: dict[Key, Write] = {}
    for info, field in _references(writer, entity):
        host = host_of(writer, info)
        found = referring(writer, entity, info, field, [w.record_id for w in losers], "change")
        found = [id_ for id_ in found if (host.id, id_) not in merged]
        twice = _held_already(writer, winner, losers, info, field, found)
        for id_ in found:
            if id_ in twice:
                folded[host.id, id_] = _goes(Write("delete", host, id_, {}), entity)
                continue
            write = changes.setdefault((host.id, id_), _goes(Write("update", host, id_, {}), entity))
            write.values[qualified(info, field)] = _leading_to(field, winner)
    return Followers([w for key, w in changes.items() if key not in folded], list(folded.values()))


def _goes(write: Write, entity: str) -> Write:
    write.trusted, write.depth, write.goes_with = True, 1, entity
    return write


def _references(writer: Writer, entity: str) -> Iterator[tuple[EntityInfo, FieldInfo]]:
    for info, field in writer.model.registry.references_to(entity):
        if info.id != entity_info(Share).id:
            yield info, field


def _leading_to(field: FieldInfo, winner: Write) -> Any:
    return Target(*winner.key) if isinstance(field.type, AnyReference) else winner.record_id


def _held_already(
    writer: Writer, winner: Write, losers: Sequence[Write], info: EntityInfo, field: FieldInfo, ids: Sequence[UUID]
) -> set[UUID]:
    """Return those of *ids* that are no links of their own any more, once they lead to the winner.

    They are between the same records as another, or between the winner and itself.
    """
    groups = [group for group in info.unique if field.name in group and _is_link(info, group)]
    if info.host or not groups or not ids:
        return set()
    standing = referring(writer, winner.entity.id, info, field, [winner.record_id], None)
    records = writer.trusted.get_many(info.cls, [*standing, *ids])
    gone = {w.record_id for w in losers}
    twice: set[UUID] = set()
    for group in groups:
        seen: set[tuple[Any, ...]] = set()
        for id_ in (*standing, *ids):
            key = tuple(_moved(getattr(records[id_], name), winner, gone) for name in group)
            if (None not in key and key in seen) or _is_loop(key, winner):
                twice.add(id_)
            seen.add(key)
    return twice - set(standing)


def _is_link(info: EntityInfo, group: Sequence[str]) -> bool:
    kinds = [type(info.fields[name].type) for name in group]
    return len(kinds) > 1 and all(issubclass(kind, Reference | AnyReference) for kind in kinds)


def _is_loop(key: tuple[Any, ...], winner: Write) -> bool:
    return sum(value in (winner.record_id, Target(*winner.key)) for value in key) > 1


def _moved(value: Any, winner: Write, losers: set[UUID]) -> Any:
    """Return where a reference leads when it leads to the winner instead of to one of *losers*."""
    if isinstance(value, Target) and value.entity == winner.entity.id and value.id in losers:
        return Target(*winner.key)
    return winner.record_id if value in losers else value


def check_nothing_appears(writer: Writer, entity: str, hidden: Sequence[tuple[EntityInfo, set[UUID]]]) -> None:
    """Refuse a merge that shows its principal what was *hidden* before.

    Raises:
        ConflictError: the words do not tell what it was.
    """
    for info, ids in hidden:
        if writer.visible_ids(info, sorted(ids)):
            raise ConflictError(entity)
