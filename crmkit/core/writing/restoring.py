"""Taking a record out of the bin: what it refers to must be there, or the refusal says what to restore first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from crmkit.core.entity import entity_info
from crmkit.core.errors import ConflictError, CrmkitError, FieldProblem
from crmkit.core.fields import Target
from crmkit.core.merging.redirects import winners_of
from crmkit.core.policy.people import Share
from crmkit.core.text import gettext as _
from crmkit.core.writing.changes import Write, grouped
from crmkit.core.writing.validate import raise_problems, references_in

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["MergedError", "check_restored", "missing_for", "references_of"]

Key = tuple[str, UUID]


class MergedError(CrmkitError):
    """The record went into another one: it is told apart from that again, or stays in the bin."""

    code = "merged"
    template = _("{entity}: {reference!r} was merged into another record; unmerge it instead.")

    def __init__(self, entity: str, reference: object) -> None:
        """Name the record; the one that it went into may be hidden."""
        super().__init__(entity=entity, reference=str(reference))


def check_restored(writer: Writer, writes: Sequence[Write]) -> None:
    """Refuse those of *writes* that would restore a record which refers to one that is not there.

    Raises:
        ValidationError: it says what to restore first, if the principal may restore that.
        ConflictError: the principal may not, so the words do not tell what is missing.
        MergedError: a record did not go into the bin by itself.
    """
    _check_not_merged(writer, writes)
    missing = missing_for(writer, writes)
    if not missing:
        return
    winners = _winners(writer, missing)
    left: list[tuple[int, str, Key]] = []
    for place, write in enumerate(writes):
        for name, key in references_of(writer, write):
            if key in winners and _leads_on(write):
                is_any = isinstance(write.stored[name], Target)
                write.values[name] = Target(key[0], winners[key]) if is_any else winners[key]
            elif key in missing:
                left.append((place, name, key))
    _refuse(writer, writes, left)


def _refuse(writer: Writer, writes: Sequence[Write], left: Sequence[tuple[int, str, Key]]) -> None:
    """Refuse *writes* if there are references *left* that lead nowhere."""
    restorable = _restorable(writer, {key for _place, _name, key in left})
    problems, hidden = list[tuple[int, FieldProblem]](), list[Write]()
    for place, name, key in left:
        write = writes[place]
        if key in restorable and name in writer.access.entity(write.entity).readable:
            problems.append((place, _problem(name, *key)))
        else:
            hidden.append(write)
    raise_problems(writer.access, writes, problems)
    if hidden:
        raise ConflictError(hidden[0].entity.id)


def _check_not_merged(writer: Writer, writes: Sequence[Write]) -> None:
    for entity, group in grouped([w for w in writes if w.kind == "restore"], lambda w: w.entity.id):
        info = writer.model.registry.entities[entity]
        for id_ in winners_of(writer, info, [w.record_id for w in group]):
            raise MergedError(entity, id_)


def _winners(writer: Writer, missing: Iterable[Key]) -> dict[Key, UUID]:
    """Return what those of *missing* that were merged went into, as far as that is there."""
    winners: dict[Key, UUID] = {}
    for entity, ids in _by_entity(missing).items():
        info = writer.model.registry.entities[entity]
        found = winners_of(writer, info, ids)
        there = writer.known_ids(info, list(found.values()), is_trusted=True)
        winners |= {(entity, id_): winner for id_, winner in found.items() if winner in there}
    return winners


def _leads_on(write: Write) -> bool:
    """Return whether references of *write* follow a merge. Whoever was shown a loser does not gain the winner."""
    return write.entity.id != entity_info(Share).id


def _problem(name: str, entity: str, id_: UUID) -> FieldProblem:
    message = _("{entity} {reference} is in the bin; restore it first")
    return FieldProblem(name, message, "reference", entity=entity, reference=str(id_))


def references_of(writer: Writer, write: Write) -> Iterator[tuple[str, Key]]:
    """Yield field and target of each reference that a restored record has."""
    if write.kind == "restore":
        for _kind, name, entity, id_ in references_in(writer.model.registry, write.entity, write.stored):
            yield name, (entity, id_)


def missing_for(writer: Writer, writes: Iterable[Write]) -> set[Key]:
    """Return what restored records refer to and is not there."""
    asked: dict[str, set[UUID]] = {}
    for write in writes:
        for _name, (entity, id_) in references_of(writer, write):
            asked.setdefault(entity, set()).add(id_)
    entities = writer.model.registry.entities
    return {
        (entity, id_)
        for entity, ids in sorted(asked.items())
        for id_ in ids - writer.known_ids(entities[entity], list(ids), is_trusted=True)
    }


def _restorable(writer: Writer, keys: Iterable[Key]) -> set[Key]:
    """Return those of *keys* that the principal may take out of the bin."""
    return {
        (entity, id_)
        for entity, ids in _by_entity(keys).items()
        for id_ in writer.ids_in_bin(writer.model.registry.entities[entity], ids)
    }


def _by_entity(keys: Iterable[Key]) -> dict[str, list[UUID]]:
    found: dict[str, list[UUID]] = {}
    for entity, id_ in keys:
        found.setdefault(entity, []).append(id_)
    return found
