"""Which personal data there are: every field that is declared as such, of all plugins, and how it leads to a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from crmkit.core.entity import EntityInfo, FieldInfo
from crmkit.core.fields import AnyReference, Reference
from crmkit.core.privacy.belonging import is_about
from crmkit.core.registry import Registry
from crmkit.core.text import Text

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader

__all__ = ["PersonalField", "personal_data"]


@attrs.frozen
class PersonalField:
    """One field that holds personal data.

    *field* is its name in rules, with that of the plugin for an extension's. *plugin* declares it; ``core`` stands for
    fields that were added at run time. *people* maps each entity of people that it may tell of to the way there: the
    relations that lead from the record to the person, empty for a field of the person itself. *kept* is the reason for
    which an erasure does not take the value; *encrypted* says whether the database has it only encrypted.
    """

    entity: str
    field: str
    label: Text
    purpose: str
    plugin: str
    people: dict[str, str]
    kept: Text | None
    encrypted: bool


def personal_data(reader: Reader) -> list[PersonalField]:
    """Return every field of personal data that exists for the principal, by entity and in the order of declaration."""
    registry = reader.model.registry
    return [
        PersonalField(
            info.id,
            name,
            field.label,
            field.purpose or "",
            field.owner if field.slot or "." not in name else name.partition(".")[0],
            people,
            field.kept or info.kept,
            field.encrypted,
        )
        for info in sorted(registry.entities.values(), key=lambda info: info.id)
        for people in [_nearest(registry, info)]
        for name, field in registry.fields(info.id).items()
        if field.personal and name in reader.access.entity(info).readable
    ]


def _nearest(registry: Registry, info: EntityInfo) -> dict[str, str]:
    """Return the shortest way from *info* to each entity of people."""
    ways = sorted(_people(registry, info, ""), key=lambda found: -found[1].count(".") - bool(found[1]))
    return dict(ways)


def _people(
    registry: Registry, info: EntityInfo, way: str, seen: frozenset[str] = frozenset()
) -> Iterator[tuple[str, str]]:
    """Yield each entity of people that a record of *info* may be about, and the relations that lead there."""
    if info.person:
        yield info.id, way
    for field in info.fields.values():
        if not is_about(field):
            continue
        step = f"{way}.{_relation(field)}" if way else _relation(field)
        for target in _targets(registry, field):
            if target.id not in seen | {info.id}:
                yield from _people(registry, target, step, seen | {info.id})


def _relation(field: FieldInfo) -> str:
    return field.relation or field.name


def _targets(registry: Registry, field: FieldInfo) -> Iterator[EntityInfo]:
    if isinstance(field.type, Reference):
        yield registry.entities[field.type.entity]
    elif isinstance(field.type, AnyReference):
        yield from registry.targets(field.type)
