"""What is told when a record may not enter a stage, or the stage does not exist."""

from __future__ import annotations

from collections.abc import Sequence

from crmkit.core.errors import CrmkitError
from crmkit.core.text import Text, gettext as _, translate

__all__ = ["ApprovalMissingError", "Refusal", "UnknownPipelineError", "UnknownStageError"]


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


class ApprovalMissingError(CrmkitError):
    """A move needs approvals that it does not have; part of a :class:`Refusal`."""

    code = "approval-missing"
    template = _("approval is needed by {needed} of: {approvers}")

    def __init__(self, needed: int, approvers: Sequence[Text | str]) -> None:
        """Say how many are *needed*, and which *approvers* may be known."""
        super().__init__(needed=needed, approvers=tuple(approvers))

    def localized(self, locale: str | None = None) -> str:
        """Return the sentence with the names of roles in *locale*."""
        told = ", ".join(
            translate(each, locale) if isinstance(each, Text) else each for each in self.facts["approvers"]
        )
        return translate(self.template, locale).format(needed=self.facts["needed"], approvers=told)


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
        approvals: Sequence[ApprovalMissingError] = (),
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
            approvals=tuple(approvals),
            problems=tuple(problems),
            options=", ".join(allowed) or "-",
        )

    def localized(self, locale: str | None = None) -> str:
        """Return the refusal with the missing fields, failed guards and problems after it."""
        reason = translate(self.facts["reason"], locale)
        template = self.template if self.facts["source"] else self._from_nowhere
        sentence = translate(template, locale).format_map({**self.facts, "reason": reason})
        parts = [*self.facts["missing"], *self.facts["guards"], *self.facts["problems"]]
        details = [translate(part, locale) for part in parts]
        details += [missing.localized(locale) for missing in self.facts["approvals"]]
        return f"{sentence} [{'; '.join(details)}]" if details else sentence
