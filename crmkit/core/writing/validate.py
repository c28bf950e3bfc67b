"""Step three of a write: required fields, choices of pipelines, and references that lead to visible records."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from crmkit.core.entity import EntityInfo
from crmkit.core.errors import FieldProblem, HiddenProblem, ValidationError
from crmkit.core.fields import AnyReference, Target
from crmkit.core.policy.access import Access
from crmkit.core.registry import Registry
from crmkit.core.text import gettext as _
from crmkit.core.writing.changes import Write
from crmkit.core.writing.shapes import shape_of

__all__ = ["check_references", "check_required", "raise_problems", "references_in"]

# Returns those of some ids of an entity that may be referred to, by the caller or by a trusted write.
Known = Callable[[EntityInfo, Sequence[UUID], bool], set[UUID]]
# Returns the records that merged ones of an entity went into.
Merged = Callable[[EntityInfo, Collection[UUID]], Mapping[UUID, UUID]]


def check_required(registry: Registry, write: Write) -> Iterator[FieldProblem]:
    """Yield a problem for each field that must have a value and has none.

    A required field of an extension binds when the extension is next written.
    """
    values = write.values
    if write.kind == "create":
        missing = [name for name in shape_of(write.entity).required if values.get(name) is None]
    else:
        fields = registry.fields(write.entity.id)
        missing = [n for n, value in values.items() if value is None and n in fields and not fields[n].nullable]
    for name in missing:
        yield FieldProblem(name, _("a value is required"), "required")
    if write.entity.id in registry.extensions:
        yield from _check_extensions(registry, write)


def _check_extensions(registry: Registry, write: Write) -> Iterator[FieldProblem]:
    for plugin, info in registry.extensions.get(write.entity.id, {}).items():
        if not any(name.startswith(f"{plugin}.") for name in write.values):
            continue
        for field in info.fields.values():
            name = f"{plugin}.{field.name}"
            if not field.nullable and write.get(name) is None and field.default() is None and name not in write.values:
                yield FieldProblem(name, _("a value is required"), "required")


def check_references(
    registry: Registry, writes: Sequence[Write], known: Known, merged: Merged
) -> list[tuple[int, FieldProblem]]:
    """Return a problem for each new reference that leads nowhere, by the write's place in the batch.

    One statement for each entity referred to; what does not exist and what is not visible get the same words. What
    the batch itself creates may be referred to by the writes behind it. A reference to a merged record is turned to
    the one that it went into.
    """
    asked: dict[tuple[str, bool], dict[UUID, list[tuple[int, str]]]] = {}
    made: set[tuple[str, UUID]] = set()
    problems: list[tuple[int, FieldProblem]] = []
    for place, write in enumerate(writes):
        # Crmkit's own defaults need no look.
        trusted = write.details.get("defaulted", ())
        for kind, name, entity, id_ in references_in(registry, write.entity, write.values, trusted):
            if kind is not None and not registry.is_target(kind, entity):
                message = _("cannot point at records of {entity!r}")
                problems.append((place, FieldProblem(name, message, "reference", entity=entity)))
            elif (entity, id_) not in made:
                asked.setdefault((entity, write.trusted), {}).setdefault(id_, []).append((place, name))
        if write.kind == "create":
            made.add((write.entity.id, write.record_id))
    for (entity, is_trusted), ids in sorted(asked.items(), key=lambda item: item[0]):
        info = registry.entities[entity]
        missing = ids.keys() - known(info, list(ids), is_trusted)
        winners = merged(info, missing) if missing else {}
        seen = known(info, list(set(winners.values())), is_trusted) if winners else ()
        for id_ in missing:
            for place, name in ids[id_]:
                if winners.get(id_) in seen:
                    _lead_to(writes[place], name, winners[id_])
                    continue
                message = _("there is no {entity} {reference}")
                problems.append((place, FieldProblem(name, message, "reference", entity=entity, reference=str(id_))))
    return problems


def _lead_to(write: Write, name: str, id_: UUID) -> None:
    value = write.values[name]
    write.values[name] = Target(value.entity, id_) if isinstance(value, Target) else id_


def references_in(
    registry: Registry, info: EntityInfo, values: Mapping[str, Any], trusted: Collection[str] = ()
) -> Iterator[tuple[AnyReference | None, str, str, UUID]]:
    """Yield ``(any-reference's type, field, entity, id)`` of each reference in *values*, but those *trusted*."""
    shape = shape_of(info)
    for name, entity in shape.references:
        if values.get(name) is not None and name not in trusted:
            yield None, name, entity, values[name]
    for name, kind in shape.any_references:
        if isinstance(target := values.get(name), Target):
            yield kind, name, target.entity, target.id
    for plugin, extension in registry.extensions.get(info.id, {}).items():
        for name, entity in shape_of(extension).references:
            if values.get(f"{plugin}.{name}") is not None:
                yield None, f"{plugin}.{name}", entity, values[f"{plugin}.{name}"]


def raise_problems(access: Access, writes: Sequence[Write], problems: Iterable[tuple[int, FieldProblem]]) -> None:
    """Raise *problems*, each with the position in *writes* of the write that has it, as far as *access* may know them.

    Raises:
        ValidationError: there are problems; they are told by the write's place in the caller's batch.
    """
    by_place: dict[int, list[FieldProblem]] = {}
    for place, problem in problems:
        is_told = _is_told(access, writes[place], problem)
        by_place.setdefault(place, []).append(problem if is_told else HiddenProblem())
    if by_place:
        told = {writes[position].place: found for position, found in sorted(by_place.items(), reverse=True)}
        first = min(told)
        raise ValidationError(writes[min(by_place)].entity.id, told[first], first, told)


def _is_told(access: Access, write: Write, problem: FieldProblem) -> bool:
    """Return whether the problem is with what the caller gave, or with a field that the caller may read."""
    is_asked = write.trusted and not write.depth
    return is_asked or problem.facts["field"] in access.entity(write.entity).readable
