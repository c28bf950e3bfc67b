"""What a refusal of a stage tells: stages, fields and guards that the mover may read, and of the rest that it is there.

A guard counts as read by those who see all that it looks at. A rule may look behind references, where the mover sees
less than it does: it is told only if it does not hold in the mover's eyes either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crmkit.core.errors import CrmkitError
from crmkit.core.pipelines import Pipeline, Refusal
from crmkit.core.rules.rule import Rule
from crmkit.core.text import Text, gettext as _
from crmkit.core.writing.changes import Write

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["refusal", "sees_stages"]


def sees_stages(writer: Writer, write: Write) -> bool:
    """Return whether the writer's principal may know in which stage of which pipeline the record stands."""
    return {"pipeline", "stage"} <= writer.access.entity(write.entity).readable


def refusal(
    writer: Writer,
    write: Write,
    pipeline: Pipeline,
    *,
    reason: Text,
    allowed: Sequence[str] = (),
    missing: Sequence[str] = (),
    guards: Sequence[Rule | str] = (),
    roles: Sequence[str] = (),
) -> Refusal:
    """Return why *write* may not bring its record into a stage, as far as the writer's principal may know it."""
    target = write.values["stage"]
    if not sees_stages(writer, write):
        # Whatever else were said would depend on where the record stands.
        return Refusal(
            write.entity.id, write.record_id, "", target, reason=_("something that you may not see is in the way.")
        )
    readable = writer.access.entity(write.entity).readable
    named = [guard for guard in guards if _is_told(writer, write, guard)]
    return Refusal(
        pipeline.id,
        write.record_id,
        write.stored.get("stage", ""),
        target,
        reason=reason,
        allowed=allowed,
        missing=[name for name in missing if name in readable],
        guards=[*(_name(writer, guard) for guard in named), *roles],
        problems=[
            *([_("something that you may not see is missing")] if not readable.issuperset(missing) else []),
            *([_("something that you may not see is in the way")] if len(named) < len(guards) else []),
        ],
    )


def _is_told(writer: Writer, write: Write, guard: Rule | str) -> bool:
    if isinstance(guard, Rule):
        return writer.access.is_system or not _seems_to_hold(writer, write, guard)
    entity, needs = writer.access.entity(write.entity), writer.model.registry.guards[guard].needs
    return entity.readable.issuperset(write.entity.fields if needs is None else needs)


def _seems_to_hold(writer: Writer, write: Write, guard: Rule) -> bool:
    """Return whether *guard* holds as the writer's principal sees the record; true if it reads a hidden field."""
    try:
        return writer.count(write.entity.cls, (write.entity.cls.f.id == write.record_id) & guard) > 0
    except CrmkitError:
        return True


def _name(writer: Writer, guard: Rule | str) -> str:
    return guard.text if isinstance(guard, Rule) else writer.model.registry.guards[guard].label
