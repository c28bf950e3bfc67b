"""Pipelines as JSON: what is stored, edited, and shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

import msgspec

from crmkit.core.errors import CrmkitError, FieldProblem, ValidationError
from crmkit.core.pipelines import Approval, EntryTask, Move, Pipeline, Reason, Reasons, Stage
from crmkit.core.rules.rule import Rule
from crmkit.core.text import Text, gettext as _

__all__ = ["read_pipeline", "written_pipeline"]

_HOUR = timedelta(hours=1)


class _Part(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    pass


class _Task(_Part):
    title: str
    due_after_hours: float | None = None


class _Reason(_Part):
    slug: str
    label: str


class _Reasons(_Part):
    field: str
    options: list[_Reason]
    note: str | None = None
    required: bool = True


class _Stage(_Part):
    slug: str
    label: str
    kind: Literal["open", "won", "lost"] = "open"
    probability: int = 0
    required: list[str] = []
    tasks: list[_Task] = []
    expected_hours: int | None = None
    reasons: _Reasons | None = None


class _Guard(_Part):
    """A rule, or the id of a registered guard."""

    rule: str | None = None
    guard: str | None = None


class _Approval(_Part):
    needed: int = 1
    roles: list[str] = []
    users: list[str] = []
    team_lead: bool = False
    manager: bool = False
    fields: list[str] = []
    when: str | None = None
    expires_hours: float | None = None


class _Move(_Part):
    source: str
    target: str
    guards: list[_Guard] = []
    roles: list[str] = []
    approval: _Approval | None = None


class _Pipeline(_Part):
    id: str
    entity: str
    label: str
    stages: list[_Stage]
    moves: list[_Move]
    #: Whose catalogue translates the labels.
    package: str = "crmkit"


def written_pipeline(pipeline: Pipeline) -> dict[str, Any]:
    """Return *pipeline* as JSON; its version is kept beside it."""
    made = _Pipeline(
        pipeline.id,
        pipeline.entity,
        str(pipeline.label),
        [_written_stage(stage) for stage in pipeline.stages],
        [_written_move(move) for move in pipeline.moves],
        getattr(pipeline.label, "package", "crmkit"),
    )
    found: dict[str, Any] = msgspec.to_builtins(made)
    return found


def _written_stage(stage: Stage) -> _Stage:
    return _Stage(
        stage.slug,
        str(stage.label),
        stage.kind,
        stage.probability,
        list(stage.required),
        [_Task(str(task.title), None if task.due_after is None else task.due_after / _HOUR) for task in stage.tasks],
        None if stage.expected is None else stage.expected // _HOUR,
        None if stage.reasons is None else _written_reasons(stage.reasons),
    )


def _written_reasons(reasons: Reasons) -> _Reasons:
    options = [_Reason(option.slug, str(option.label)) for option in reasons.options]
    return _Reasons(reasons.field, options, reasons.note, reasons.required)


def _written_move(move: Move) -> _Move:
    guards = [_Guard(rule=guard.text) if isinstance(guard, Rule) else _Guard(guard=guard) for guard in move.guards]
    approval = None if move.approval is None else _written_approval(move.approval)
    return _Move(move.source, move.target, guards, sorted(move.roles), approval)


def _written_approval(approval: Approval) -> _Approval:
    return _Approval(
        approval.needed,
        list(approval.roles),
        list(approval.users),
        approval.team_lead,
        approval.manager,
        list(approval.fields),
        None if approval.when is None else approval.when.text,
        approval.expires / _HOUR if approval.expires else None,
    )


def read_pipeline(written: Mapping[str, Any], version: int) -> Pipeline:
    """Return the pipeline that *written* is.

    Raises:
        ValidationError: it is none; every problem names its place, such as ``moves[2].guards[0]``.
    """
    try:
        found = msgspec.convert(written, _Pipeline)
    except msgspec.ValidationError as error:
        reason, _dash, place = str(error).partition(" - at ")
        where = place.strip("`").removeprefix("$").removeprefix(".") or "definition"
        raise _refused([FieldProblem(where, _("{reason}"), reason=reason)]) from None
    return _Reader(found.package).pipeline(found, version)


def _refused(problems: list[FieldProblem]) -> ValidationError:
    return ValidationError("core.pipeline_version", problems)


class _Reader:
    """Makes declarations of parts and notes where that fails."""

    def __init__(self, package: str) -> None:
        self.package, self.problems = package, list[FieldProblem]()

    def pipeline(self, found: _Pipeline, version: int) -> Pipeline:
        stages = [self.made(f"stages[{n}]", self.stage, part) for n, part in enumerate(found.stages)]
        moves = [self.move(f"moves[{n}]", part) for n, part in enumerate(found.moves)]
        if self.problems:
            raise _refused(self.problems)
        made = self.made("definition", lambda _part: Pipeline(
            found.id, found.entity, self.text(found.label), stages, moves, version
        ), found)  # fmt: skip
        if self.problems:
            raise _refused(self.problems)
        pipeline: Pipeline = made
        return pipeline

    def text(self, written: str) -> Text:
        return Text(written, self.package)

    def made(self, where: str, make: Any, part: Any) -> Any:
        """Return what *make* makes of *part*; ``None``, with a problem noted, if that cannot be."""
        try:
            return make(part)
        except CrmkitError as error:
            self.problems.append(FieldProblem(where, _("{reason}"), reason=str(error)))
            return None

    def stage(self, part: _Stage) -> Stage:
        tasks = [
            EntryTask(self.text(t.title), None if t.due_after_hours is None else t.due_after_hours * _HOUR)
            for t in part.tasks
        ]
        reasons = None if part.reasons is None else self.reasons(part.reasons)
        expected = None if part.expected_hours is None else part.expected_hours * _HOUR
        return Stage(
            part.slug, self.text(part.label), part.kind, part.probability, part.required, tasks, expected, reasons
        )

    def reasons(self, part: _Reasons) -> Reasons:
        options = [Reason(option.slug, self.text(option.label)) for option in part.options]
        return Reasons(part.field, options, part.note, part.required)

    def move(self, where: str, part: _Move) -> Any:
        guards = [self.made(f"{where}.guards[{n}]", self.guard, guard) for n, guard in enumerate(part.guards)]
        approval = None if part.approval is None else self.made(f"{where}.approval", self.approval, part.approval)
        return Move(part.source, part.target, [g for g in guards if g is not None], part.roles, approval)

    def guard(self, part: _Guard) -> Rule | str:
        if (part.rule is None) == (part.guard is None):
            raise FieldProblem("guard", _("either a rule or the id of a guard"))
        return Rule.parse(part.rule) if part.rule is not None else str(part.guard)

    def approval(self, part: _Approval) -> Approval:
        expires = None if part.expires_hours is None else part.expires_hours * _HOUR
        return Approval(
            part.needed, part.roles, part.users, part.team_lead, part.manager, part.fields, part.when, expires
        )
