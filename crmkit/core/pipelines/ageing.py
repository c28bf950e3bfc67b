"""What ``overdue()`` means in rules: a record stands in its stage for longer than the stage expects."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from crmkit.core.pipelines.pipeline import Pipeline
from crmkit.core.rules.rule import Rule

__all__ = ["overdue"]

_NEVER = Rule.parse("false")


def overdue(pipelines: Iterable[Pipeline]) -> Rule:
    """Return the rule that records fulfil which have stood in a stage of *pipelines* for longer than it expects.

    It is an ordinary rule on ``pipeline``, ``stage`` and ``stage_entered_at``: who may not read these may not ask.
    """
    found = _NEVER
    for pipeline in pipelines:
        for span, slugs in _by_span(pipeline).items():
            within = Rule.parse(f'pipeline == "{pipeline.id}" && stage in [{", ".join(f"{slug!r}" for slug in slugs)}]')
            found = found | (within & Rule.parse(f"stage_entered_at < now() - {_written(span)}"))
    return found


def _by_span(pipeline: Pipeline) -> dict[timedelta, list[str]]:
    spans: dict[timedelta, list[str]] = {}
    for stage in pipeline.stages:
        if stage.expected is not None:
            spans.setdefault(stage.expected, []).append(stage.slug)
    return spans


def _written(span: timedelta) -> str:
    """Return *span*, which is whole hours, as rules write it."""
    hours = span // timedelta(hours=1)
    return f"hours({hours})" if hours % 24 else f"days({hours // 24})"
