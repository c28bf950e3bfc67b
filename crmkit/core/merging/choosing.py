"""Which value of several records the merged one keeps, field by field, as the principal may see and set them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs

from crmkit.core.entity import FieldInfo, is_custom
from crmkit.core.errors import FieldProblem, UnknownFieldError, ValidationError
from crmkit.core.fields import AnyReference, Reference, Target
from crmkit.core.text import gettext as _
from crmkit.core.writing.changes import Write
from crmkit.core.writing.shapes import is_given_by_crmkit, shape_of

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["Choices", "FieldChoice", "choose_values", "loose_ends"]


@attrs.frozen
class Choices:
    """What the caller decides: fields by the record whose value is kept, and values of the caller's own."""

    records: Mapping[str, UUID]
    values: Mapping[str, Any]


@attrs.frozen
class FieldChoice:
    """One field in which merged records differ: the value of each by its id, and the one that is kept.

    *from_id* is the record that the kept value is of; ``None`` for a value of the caller's own.
    """

    name: str
    values: Mapping[UUID, Any]
    kept: Any
    from_id: UUID | None


def choose_values(writer: Writer, winner: Write, losers: Sequence[Write], choices: Choices) -> list[FieldChoice]:
    """Return what is kept where records differ: what is chosen, or the winner's, or the first loser's that has a value.

    Fields that the principal may not read or set stay as the winner has them. So do owner and stage, and a reference
    to a record of the same entity unless one is chosen, because that is the winner's place in a tree.

    Raises:
        UnknownFieldError: a choice is for a field that does not exist, or is hidden.
        ValidationError: a choice names a record that is not merged, or a value that leads to one that is.
    """
    _check_choices(writer, winner, losers, choices)
    access = writer.access.entity(winner.entity)
    records = [winner, *losers]
    found: list[FieldChoice] = []
    for name, field in _mergeable(writer, winner):
        if name not in access.readable:
            continue
        values = {w.record_id: w.stored.get(name) for w in records}
        may_fill = name in access.writable and _is_empty(winner, name)
        kept, from_id = _chosen(choices, name, values) or (
            _first(writer, winner, losers, name, field) if may_fill else (winner.stored.get(name), winner.record_id)
        )
        if from_id is None or any(value != kept for value in values.values()):
            found.append(FieldChoice(name, values, kept, from_id))
    return found


def _chosen(choices: Choices, name: str, values: Mapping[UUID, Any]) -> tuple[Any, UUID | None] | None:
    if name in choices.values:
        return choices.values[name], None
    if name in choices.records:
        return values[choices.records[name]], choices.records[name]
    return None


def _mergeable(writer: Writer, winner: Write) -> Iterator[tuple[str, FieldInfo]]:
    moved = shape_of(winner.entity).moved
    for name, field in writer.model.registry.fields(winner.entity.id).items():
        if not is_given_by_crmkit(field) and name not in moved:
            yield name, field


def _is_empty(write: Write, name: str) -> bool:
    """Return whether *write*'s record has no value, or that of an extension which was never written."""
    extension, dot, _rest = name.rpartition(".")
    unwritten = bool(dot) and not is_custom(name) and f"{extension}." not in write.stored
    return write.stored.get(name) is None or unwritten


def _first(writer: Writer, winner: Write, losers: Sequence[Write], name: str, field: FieldInfo) -> tuple[Any, UUID]:
    """Return the first value that a loser has and that may be taken over, and whose it is; or else the winner's."""
    if not (isinstance(field.type, Reference) and field.type.entity == winner.entity.id):
        for loser in losers:
            if not _is_empty(loser, name) and _leads_on(writer, field, loser.stored[name], [winner, *losers]):
                return loser.stored[name], loser.record_id
    return winner.stored.get(name), winner.record_id


def _leads_on(writer: Writer, field: FieldInfo, value: Any, merged: Sequence[Write]) -> bool:
    """Return whether *value* is no reference, or one to a visible record that is not merged itself."""
    target = _target(field, value)
    if target is None:
        return True
    if target in {Target(*w.key) for w in merged}:
        return False
    return bool(writer.known_ids(writer.model.registry.entities[target.entity], [target.id], is_trusted=False))


def _target(field: FieldInfo, value: Any) -> Target | None:
    if isinstance(field.type, Reference) and isinstance(value, UUID):
        return Target(field.type.entity, value)
    return value if isinstance(field.type, AnyReference) and isinstance(value, Target) else None


def _check_choices(writer: Writer, winner: Write, losers: Sequence[Write], choices: Choices) -> None:
    records = {w.record_id: w for w in (winner, *losers)}
    merged = {Target(*w.key) for w in records.values()}
    problems: list[FieldProblem] = []
    for name in (*choices.records, *choices.values):
        if name not in writer.access.entity(winner.entity).readable:
            raise UnknownFieldError(winner.entity.id, name)
        field = writer.model.registry.field(winner.entity.id, name)
        if name in choices.records and choices.records[name] not in records:
            problems.append(FieldProblem(name, _("choose one of the records that are merged"), "choice"))
            continue
        value = choices.values.get(name) if name in choices.values else records[choices.records[name]].stored.get(name)
        if _target(field, value) in merged:
            problems.append(FieldProblem(name, _("leads to one of the records that are merged"), "reference"))
    if problems:
        raise ValidationError(winner.entity.id, problems)


def loose_ends(writer: Writer, winner: Write, losers: Sequence[Write]) -> dict[str, Any]:
    """Return ``{field: None}`` of the winner's own references to a loser, hidden ones included."""
    gone = {Target(*w.key) for w in losers}
    return {
        name: None
        for name, field in writer.model.registry.fields(winner.entity.id).items()
        if _target(field, winner.stored.get(name)) in gone
    }
