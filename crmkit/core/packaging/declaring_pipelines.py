"""Pipelines as the code that declares them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from crmkit.core.packaging.declaring import literal
from crmkit.core.packaging.layout import Code, call, keyword, laid_out, listed
from crmkit.core.packaging.package import Package
from crmkit.core.pipelines import Approval, EntryTask, Move, Pipeline, Reasons, Stage
from crmkit.core.rules.rule import Rule

__all__ = ["declared_pipelines"]


def declared_pipelines(package: Package) -> str:
    """Return the list of the pipelines of *package*, and of what they were while records pinned that."""
    past = [call("PastPipeline", _pipeline(pipeline)) for pipeline in package.past]
    return laid_out(listed([*map(_pipeline, package.pipelines), *past]), 0, len("PIPELINES = "))


def _pipeline(pipeline: Pipeline) -> Code:
    said: list[Code] = [literal(pipeline.id), literal(pipeline.entity), _text(pipeline.label)]
    said.append(keyword("stages", listed([_stage(stage) for stage in pipeline.stages])))
    said.append(keyword("moves", listed([_move(move) for move in pipeline.moves])))
    if pipeline.version != 1:
        said.append(f"version={pipeline.version}")
    return call("Pipeline", *said)


def _stage(stage: Stage) -> Code:
    said: list[Code] = [literal(stage.slug), _text(stage.label)]
    if stage.kind != "open":
        said.append(literal(stage.kind))
    if stage.probability:
        said.append(f"probability={stage.probability}")
    if stage.required:
        said.append(keyword("required", _names(stage.required)))
    if stage.tasks:
        said.append(keyword("tasks", listed([_task(task) for task in stage.tasks])))
    if stage.expected is not None:
        said.append(f"expected={_duration(stage.expected)}")
    if stage.reasons is not None:
        said.append(keyword("reasons", _reasons(stage.reasons)))
    return call("Stage", *said)


def _task(task: EntryTask) -> Code:
    due = [] if task.due_after is None else [_duration(task.due_after)]
    return call("EntryTask", _text(task.title), *due)


def _reasons(reasons: Reasons) -> Code:
    options = listed([call("Reason", literal(option.slug), _text(option.label)) for option in reasons.options])
    note = [] if reasons.note is None else [f"note={literal(reasons.note)}"]
    return call("Reasons", literal(reasons.field), options, *note, *([] if reasons.required else ["required=False"]))


def _move(move: Move) -> Code:
    said: list[Code] = [literal(move.source), literal(move.target)]
    if move.guards:
        said.append(keyword("guards", listed([_guard(guard) for guard in move.guards])))
    if move.roles:
        said.append(keyword("roles", _names(sorted(move.roles))))
    if move.approval is not None:
        said.append(keyword("approval", call("Approval", *_approval(move.approval))))
    return call("Move", *said)


def _guard(guard: Rule | str) -> Code:
    return call("Rule.parse", literal(guard.text)) if isinstance(guard, Rule) else literal(guard)


def _approval(approval: Approval) -> Iterator[Code]:
    if approval.needed != 1:
        yield f"needed={approval.needed}"
    for name in ("roles", "users", "fields"):
        if names := getattr(approval, name):
            yield keyword(name, _names(names))
    yield from (f"{name}=True" for name in ("team_lead", "manager") if getattr(approval, name))
    if approval.when is not None:
        yield f"when={literal(approval.when.text)}"
    if approval.expires is not None:
        yield f"expires={_duration(approval.expires)}"


def _names(names: Iterable[str]) -> Code:
    return listed([literal(name) for name in names])


def _text(text: str) -> str:
    return f"_({literal(str(text))})"


def _duration(duration: timedelta) -> str:
    if duration % timedelta(hours=1):
        return f"timedelta(seconds={duration.total_seconds()})"
    parts = {"days": duration.days, "hours": duration.seconds // 3600}
    return f"timedelta({', '.join(f'{name}={value}' for name, value in parts.items() if value)})"
