"""Stages in the life of a write: where a new record begins, whether a move is allowed, and the visits that stay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from crmkit.core.approving.checking import approval_is_needed, approved_request
from crmkit.core.entity import is_custom
from crmkit.core.errors import ConflictError, FieldProblem
from crmkit.core.pipelines import ANY_STAGE, Move, Pipeline, Refusal, Stage, UnknownStageError
from crmkit.core.registry import Registry
from crmkit.core.rules.rule import Rule
from crmkit.core.text import Text, gettext as _
from crmkit.core.writing.changes import Write
from crmkit.core.writing.reasons import given_reason
from crmkit.core.writing.refusals import Lacks, refusal, sees_stages
from crmkit.core.writing.rerouting import target_of, ways_into

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = [
    "check_emptied",
    "check_moves",
    "enter_first_stage",
    "plan_carried",
    "plan_change",
    "plan_move",
    "record_visits",
]


def enter_first_stage(writer: Writer, write: Write) -> None:
    """Put a new record into the stage it names, or into the first one of its pipeline.

    Raises:
        UnknownStageError: the pipeline has no such stage.
        Refusal: a field that the stage requires is empty.
    """
    if not write.entity.pipelined:
        return
    pipeline = pipeline_of(writer.model.registry, write)
    slug = write.values.get("stage")
    stage = pipeline.stage(slug) if slug else pipeline.first
    _stand(write, pipeline, stage, writer.now)
    if missing := _missing(writer.model.registry, write, stage):
        raise refusal(writer, write, pipeline, reason=_("fields are missing."), lacks=Lacks(missing))


def pipeline_of(registry: Registry, write: Write) -> Pipeline:
    """Return the pipeline of the record that *write* concerns, the entity's default for a new one without.

    A stored record goes by the version that it pins, where that is still known.

    Raises:
        UnknownStageError: no such pipeline is declared for the entity.
    """
    known = registry.pipelines_of(write.entity.id)
    wanted = write.get("pipeline")
    found = next((p for p in known if p.id == wanted), None) if wanted else known[0]
    if found is None:
        raise UnknownStageError(write.entity.id, str(wanted), [p.id for p in known])
    return registry.pinned(found, write.get("pipeline_version")) if write.stored else found


def _stand(write: Write, pipeline: Pipeline, stage: Stage, now: datetime) -> None:
    write.values |= {
        "pipeline": pipeline.id,
        "pipeline_version": pipeline.version,
        "stage": stage.slug,
        "stage_kind": stage.kind,
        # An import knows when the record really entered.
        "stage_entered_at": write.details.get("entered_at") or now,
    }


def _missing(registry: Registry, write: Write, stage: Stage) -> list[str]:
    return [name for name in stage.required if _value(registry, write, name) is None]


def _value(registry: Registry, write: Write, name: str) -> Any:
    """Return the value that *name* will have; a new record has the defaults of what plugins add to it."""
    if write.kind == "create" and "." in name and not is_custom(name) and name not in write.values:
        return registry.field(write.entity.id, name).default()
    return write.get(name)


def check_emptied(writer: Writer, write: Write) -> Iterator[FieldProblem]:
    """Yield a problem for each field that *write* empties although the stage in which its record stands requires it.

    Raises:
        ConflictError: a deletion would empty it.
    """
    if not write.entity.pipelined or write.kind not in ("update", "transfer"):
        return
    for name in _required_where(writer, write):
        if name in write.values and write.values[name] is None:
            if write.goes_with:
                raise ConflictError(write.goes_with)
            stage = write.stored["stage"] if sees_stages(writer, write) else None
            message = _("a value is required") if stage is None else _("the stage {stage!r} requires a value")
            yield FieldProblem(name, message, "required", stage=stage)


def _required_where(writer: Writer, write: Write) -> tuple[str, ...]:
    """Return the fields that the record's stage requires; of an import that goes on to move it, the next one."""
    slug = write.details.get("moves_to") or write.stored["stage"]
    registry = writer.model.registry
    known = (p for p in registry.pipelines_of(write.entity.id) if p.id == write.stored["pipeline"])
    stages = (s for p in known for s in registry.pinned(p, write.stored["pipeline_version"]).stages)
    return next((stage.required for stage in stages if stage.slug == slug), ())


def plan_move(writer: Writer, write: Write, target: str, *, reason: str | None = None, note: str | None = None) -> None:
    """Turn *write* into the move of its record to the stage *target*, for a *reason* of those that the stage knows.

    Raises:
        UnknownStageError: the record's pipeline has no such stage.
        Refusal: neither has it, but another pipeline does, and in which the record stands is not for the mover to know.
        ValidationError: the stage asks for no reason, or for no note.
        UnknownFieldError: the field that keeps it is hidden.
    """
    pipeline = pipeline_of(writer.model.registry, write)
    if not sees_stages(writer, write):
        _check_known_somewhere(writer, write, pipeline, target)
    stage = pipeline.stage(target)
    write.values |= given_reason(writer, write, stage, reason, note)
    _stand(write, pipeline, stage, writer.now)


def plan_change(writer: Writer, write: Write, pipeline: str, stages: Mapping[str, str] | str | None) -> None:
    """Turn *write* into the move of its record into another *pipeline*; see :func:`target_of`.

    Raises:
        Refusal: in which stage the record stands is not for the mover to know.
        UnknownPipelineError, UnknownStageError, ValidationError: as for :func:`target_of`.
    """
    if not sees_stages(writer, write):
        write.values["stage"] = stages if isinstance(stages, str) else ""
        raise refusal(writer, write, pipeline_of(writer.model.registry, write), reason=_("there is no such move."))
    chosen, stage = target_of(writer, write, pipeline, stages)
    write.details["rerouted"] = True
    _stand(write, chosen, stage, writer.now)


def plan_carried(writer: Writer, write: Write, pipeline: Pipeline, target: str) -> None:
    """Turn *write* into the step of its record to the stage *target* of a newer version of its pipeline.

    Whoever published the version has decided it, so nothing is asked but what the stage requires.
    """
    write.details["placed"] = True
    _stand(write, pipeline, pipeline.stage(target), writer.now)


def _check_known_somewhere(writer: Writer, write: Write, pipeline: Pipeline, target: str) -> None:
    stages = [stage.slug for known in writer.model.registry.pipelines_of(write.entity.id) for stage in known.stages]
    if target not in stages:
        raise UnknownStageError(write.entity.id, target, list(dict.fromkeys(stages)))
    if not any(stage.slug == target for stage in pipeline.stages):
        write.values["stage"] = target
        raise refusal(writer, write, pipeline, reason=_("there is no such move."))


def check_moves(writer: Writer, moves: Sequence[Write]) -> None:
    """Refuse the first of *moves* that its pipeline does not allow.

    Raises:
        Refusal: it says which guard failed, which fields are missing, and which stages are allowed.
    """
    for write in moves:
        pipeline = pipeline_of(writer.model.registry, write)
        if write.details.get("rerouted"):
            _check_rerouted(writer, write, pipeline)
            continue
        allowed = pipeline.moves_from(write.stored["stage"])
        move = _PLACED if write.details.get("placed") else allowed.get(write.values["stage"])
        if move is None:
            raise refusal(writer, write, pipeline, reason=_("there is no such move."), allowed=list(allowed))
        if refused := _check_move(writer, write, pipeline, move, list(allowed)):
            raise refused


# That of an import, which tells what has happened elsewhere: nothing is asked but what the stage requires.
_PLACED = Move(ANY_STAGE, ANY_STAGE)


def _check_rerouted(writer: Writer, write: Write, pipeline: Pipeline) -> None:
    """Refuse a record that comes out of another pipeline, unless one of the moves into its stage would let it in.

    Raises:
        Refusal: why the first of these moves does not, or that there is none.
    """
    ways = ways_into(pipeline, pipeline.stage(write.values["stage"]), write.stored["stage_kind"])
    refusals = [_check_move(writer, write, pipeline, move, []) for move in ways]
    if not ways:
        raise refusal(writer, write, pipeline, reason=_("nothing leads there from another pipeline."))
    if None not in refusals and refusals[0] is not None:
        raise refusals[0]


def _check_move(writer: Writer, write: Write, pipeline: Pipeline, move: Move, allowed: list[str]) -> Refusal | None:
    """Return why *write* may not make *move*; ``None`` if it may."""
    stage = pipeline.stage(write.values["stage"])
    missing = _missing(writer.model.registry, write, stage)
    if stage.reasons and stage.reasons.required and not write.is_history and write.get(stage.reasons.field) is None:
        missing = list(dict.fromkeys([*missing, stage.reasons.field]))
    guards = [guard for guard in move.guards if not _holds(writer, write, guard)]
    lacks_role = bool(move.roles) and not writer.access.is_system and not move.roles & writer.access.role_names
    approval = move.approval if _lacks_approval(writer, write, move) else None
    if not (missing or guards or lacks_role or approval):
        return None
    reason: Text = _("an approval is missing.") if approval else _("a guard refuses.")
    reason = _("fields are missing.") if missing else reason
    roles = sorted(move.roles) if lacks_role else []
    reason = _("a role is required.") if roles else reason
    lacks = Lacks(missing, guards, roles, approval)
    return refusal(writer, write, pipeline, reason=reason, allowed=allowed, lacks=lacks)


def _lacks_approval(writer: Writer, write: Write, move: Move) -> bool:
    if move.approval is None or writer.access.is_system or not approval_is_needed(writer, write, move.approval):
        return False
    found = approved_request(writer, write, move.approval)
    if found is not None:
        write.details["approval"] = found
    return found is None


def _holds(writer: Writer, write: Write, guard: Rule | str) -> bool:
    if isinstance(guard, Rule):
        return writer.matches_stored(write.entity, guard, write.record_id)
    check = writer.model.registry.guards[guard].check
    record: Any = writer.trusted.get(write.entity.cls, write.record_id)
    return check(writer.trusted, record)


def record_visits(writer: Writer, writes: Sequence[Write]) -> None:
    """Keep when each record entered its new stage, and when it left the one before."""
    entered = [w for w in writes if w.kind in ("create", "move")]
    writer.model.visits.leave(writer.connection, [_left(write, writer) for write in entered if write.kind == "move"])
    writer.model.visits.enter(writer.connection, [_entered(write, writer) for write in entered])


def _left(write: Write, writer: Writer) -> dict[str, Any]:
    left_at = write.values["stage_entered_at"]
    left = {"visited": write.record_id, "visited_entity": write.entity.id}
    return {**left, "left_at": left_at, "left_by": writer.access.user_id}


def _entered(write: Write, writer: Writer) -> dict[str, Any]:
    stage = ("pipeline", "pipeline_version", "stage")
    return {
        "entity": write.entity.id,
        "record_id": write.record_id,
        **{name: write.values[name] for name in stage},
        "entered_at": write.values["stage_entered_at"],
        "entered_by": writer.access.user_id,
        "left_at": None,
        "left_by": None,
    }
