"""Where each belonging of a leaver goes, and what the caller is told of that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import attrs

from crmkit.core.entity import EntityInfo
from crmkit.core.offboarding.belongings import Belonging
from crmkit.core.offboarding.succession import Succession
from crmkit.core.reading.reader import Reader

__all__ = ["HandedOver", "Handover", "allot", "told"]


@attrs.frozen
class HandedOver:
    """How many records of *entity* have the leaver in *field*, and what becomes of that.

    The *action* is ``transfer``, to *successor*; ``clear``, so that the field is empty; or ``end``, so that the record
    is deleted.
    """

    entity: str
    field: str
    action: str
    successor: UUID | None
    count: int


@attrs.frozen
class Handover:
    """What an offboarding does, or did, as far as the caller may know."""

    user_id: UUID
    parts: tuple[HandedOver, ...]


def allot(reader: Reader, belongings: Sequence[Belonging], succession: Succession) -> list[UUID | None]:
    """Return who gets each of *belongings*; nobody gets what is emptied or ends.

    What the caller may know of goes first, so that what it gets tells nothing about the rest.
    """
    queues: dict[tuple[str, tuple[UUID, ...]], _Queue] = {}
    found: list[UUID | None] = [None] * len(belongings)
    for place in sorted(range(len(belongings)), key=lambda place: not belongings[place].told):
        each = belongings[place]
        if each.action == "transfer":
            to = succession.to if each.split is None else succession.splits[each.split].to
            # Whoever takes turns takes them over all entities; a load is one of records of the same kind.
            key = (each.entity.id if succession.by == "load" else "", to)
            if key not in queues:
                queues[key] = _Queue(
                    _loads(reader, each.entity, to) if succession.by == "load" else dict.fromkeys(to, 0)
                )
            found[place] = queues[key].next()
    return found


class _Queue:
    """Gives to whoever has the least, and among those to the one named first."""

    def __init__(self, loads: dict[UUID, int]) -> None:
        self._loads = loads

    def next(self) -> UUID:
        who = min(self._loads, key=self._loads.__getitem__)
        self._loads[who] += 1
        return who


def _loads(reader: Reader, info: EntityInfo, people: Iterable[UUID]) -> dict[UUID, int]:
    """Return how many records of *info* each of *people* owns, as far as the caller sees."""
    if not info.owned or "owner_id" not in reader.access.entity(info).readable:
        return dict.fromkeys(people, 0)
    owner: Any = info.cls.f.owner_id
    return {who: reader.count(info.cls, owner == who) for who in people}


def told(user: UUID, belongings: Sequence[Belonging], successors: Sequence[UUID | None]) -> Handover:
    """Return what the caller may know of where *belongings* go."""
    counted = Counter(
        (each.entity.id, each.field, each.action, successor)
        for each, successor in zip(belongings, successors, strict=True)
        if each.told
    )
    return Handover(user, tuple(HandedOver(*key, count) for key, count in counted.items()))
