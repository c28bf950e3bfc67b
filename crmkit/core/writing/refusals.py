"""What a refusal of a stage tells: stages, fields and guards that the mover may read, and of the rest that it is there.

A guard counts as read by those who see all that it looks at. A rule may look behind references, where the mover sees
less than it does: it is told only if it does not hold in the mover's eyes either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from crmkit.core.approving.approvers import told_approvers
from crmkit.core.errors import CrmkitError
from crmkit.core.pipelines import Approval, ApprovalMissingError, Pipeline, Refusal
from crmkit.core.rules.rule import Rule
from crmkit.core.text import Text, gettext as _
from crmkit.core.writing.changes import Write

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["NOTHING", "Lacks", "refusal", "sees_stages"]


@attrs.frozen
class Lacks:
    """What a record lacks to enter a stage: fields, guards that hold, the mover's roles, an approval."""

    missing: Sequence[str] = ()
    guards: Sequence[Rule | str] = ()
    roles: Sequence[str] = ()
    approval: Approval | None = None


NOTHING = Lacks()


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
    lacks: Lacks = NOTHING,
) -> Refusal:
    """Return why *write* may not bring its record into a stage, as far as the writer's principal may know it."""
    target = write.values["stage"]
    if not sees_stages(writer, write):
        # Whatever else were said would depend on where the record stands.
        return Refusal(
            write.entity.id, write.record_id, "", target, reason=_("something that you may not see is in the way.")
        )
    readable = writer.access.entity(write.entity).readable
    named = [guard for guard in lacks.guards if _is_told(writer, write, guard)]
    asked = lacks.approval
    is_told = asked is not None and (asked.when is None or _seems_to_hold(writer, write, asked.when, hidden=False))
    in_the_way = len(named) < len(lacks.guards) or (asked is not None and not is_told)
    return Refusal(
        pipeline.id,
        write.record_id,
        write.stored.get("stage", ""),
        target,
        reason=reason,
        allowed=allowed,
        missing=[name for name in lacks.missing if name in readable],
        guards=[*(_name(writer, guard) for guard in named), *lacks.roles],
        approvals=[ApprovalMissingError(asked.needed, told_approvers(writer, asked))] if asked and is_told else [],
        problems=[
            *([_("something that you may not see is missing")] if not readable.issuperset(lacks.missing) else []),
            *([_("something that you may not see is in the way")] if in_the_way else []),
        ],
    )


def _is_told(writer: Writer, write: Write, guard: Rule | str) -> bool:
    if isinstance(guard, Rule):
        return writer.access.is_system or not _seems_to_hold(writer, write, guard)
    entity, needs = writer.access.entity(write.entity), writer.model.registry.guards[guard].needs
    return entity.readable.issuperset(write.entity.fields if needs is None else needs)


def _seems_to_hold(writer: Writer, write: Write, guard: Rule, *, hidden: bool = True) -> bool:
    """Return whether *guard* holds as the writer's principal sees the record; *hidden* if it reads a hidden field."""
    try:
        return writer.count(write.entity.cls, (write.entity.cls.f.id == write.record_id) & guard) > 0
    except CrmkitError:
        return hidden


def _name(writer: Writer, guard: Rule | str) -> str:
    return guard.text if isinstance(guard, Rule) else writer.model.registry.guards[guard].label
