"""What is told when a record may not enter a stage, or the stage does not exist."""

from __future__ import annotations

from collections.abc import Sequence

from crmkit.core.errors import CrmkitError
from crmkit.core.text import Text, gettext as _, translate

__all__ = ["Refusal", "UnknownPipelineError", "UnknownStageError"]


class UnknownPipelineError(CrmkitError):
    """The entity has no such pipeline."""

    code = "unknown-pipeline"
    template = _("{entity} has no pipeline {pipeline!r}. Its pipelines: {pipelines}.")

    def __init__(self, entity: str, pipeline: str, pipelines: Sequence[str]) -> None:
        """Name the *entity*, the *pipeline* asked for and the *pipelines* there are."""
        super().__init__(entity=entity, pipeline=pipeline, pipelines=", ".join(pipelines) or "-")


class UnknownStageError(CrmkitError):
    """The pipeline has no such stage."""

    code = "unknown-stage"
    template = _("{pipeline} has no stage {stage!r}. Its stages: {stages}.")

    def __init__(self, pipeline: str, stage: str, stages: Sequence[str]) -> None:
        """Name the *pipeline*, the *stage* asked for and the *stages* there are."""
        super().__init__(pipeline=pipeline, stage=stage, stages=", ".join(stages))


class Refusal(CrmkitError):
    """A record may not enter a stage: which guard failed, which fields are missing, which stages are allowed."""

    code = "move-refused"
    template = _("{pipeline}: cannot move {reference!r} from {source!r} to {target!r}: {reason} Allowed: {options}.")
    _from_nowhere = _("{pipeline}: {reference!r} cannot enter {target!r}: {reason}")

    def __init__(
        self,
        pipeline: str,
        reference: object,
        source: str,
        target: str,
        *,
        reason: Text,
        allowed: Sequence[str] = (),
        missing: Sequence[str] = (),
        guards: Sequence[str] = (),
        problems: Sequence[str] = (),
    ) -> None:
        """Keep what was refused and why; *source* is empty for a new record, and where the mover may not know it."""
        super().__init__(
            pipeline=pipeline,
            reference=str(reference),
            source=source,
            target=target,
            reason=reason,
            allowed=tuple(allowed),
            missing=tuple(missing),
            guards=tuple(guards),
            problems=tuple(problems),
            options=", ".join(allowed) or "-",
        )

    def localized(self, locale: str | None = None) -> str:
        """Return the refusal with the missing fields, failed guards and problems after it."""
        reason = translate(self.facts["reason"], locale)
        template = self.template if self.facts["source"] else self._from_nowhere
        sentence = translate(template, locale).format_map({**self.facts, "reason": reason})
        details = [*self.facts["missing"], *self.facts["guards"], *self.facts["problems"]]
        return f"{sentence} [{'; '.join(translate(part, locale) for part in details)}]" if details else sentence
