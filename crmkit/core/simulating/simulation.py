"""What a simulation found, as values."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import attrs

from crmkit.core.fields import Target

__all__ = ["FieldShift", "RecordShift", "ScopeShift", "Simulation"]


@attrs.frozen
class RecordShift:
    """How many records of *entity* somebody gains and loses for *verb*; some of them stand in *gains* and *losses*."""

    user_id: UUID
    entity: str
    verb: str
    gained: int
    lost: int
    gains: tuple[Target, ...]
    losses: tuple[Target, ...]


@attrs.frozen
class FieldShift:
    """Which fields of *entity* somebody may read or write after a change and not before, and the other way."""

    user_id: UUID
    entity: str
    readable: tuple[str, ...]
    hidden: tuple[str, ...]
    writable: tuple[str, ...]
    locked: tuple[str, ...]


@attrs.frozen
class ScopeShift:
    """In which scope somebody may do *verb* with *entity*, before and after; ``None`` where nowhere."""

    user_id: UUID
    entity: str
    verb: str
    before: str | None
    after: str | None


@attrs.frozen
class Simulation:
    """Who would gain or lose what, as far as the asker sees it: people, records, fields and verbs."""

    people: dict[UUID, str]
    records: tuple[RecordShift, ...]
    fields: tuple[FieldShift, ...]
    scopes: tuple[ScopeShift, ...]

    def __bool__(self) -> bool:
        return bool(self.records or self.fields or self.scopes)

    def as_dict(self) -> dict[str, Any]:
        """Return the same as plain values, with ids as texts and records as ``entity/id``."""
        return {
            "people": {str(id_): name for id_, name in self.people.items()},
            **{
                name: [attrs.asdict(shift, value_serializer=_plain) for shift in getattr(self, name)]
                for name in ("records", "fields", "scopes")
            },
        }


def _plain(_owner: Any, _field: Any, value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, tuple):
        return [f"{each.entity}/{each.id}" if isinstance(each, Target) else each for each in value]
    return value
