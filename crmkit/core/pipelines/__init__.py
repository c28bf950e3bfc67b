"""Pipelines as data: stages, the moves between them, and what a move demands."""

from __future__ import annotations

from crmkit.core.pipelines.ageing import overdue
from crmkit.core.pipelines.approvals import Approval
from crmkit.core.pipelines.moves import ANY_STAGE, Guard, Move
from crmkit.core.pipelines.past import PastPipeline
from crmkit.core.pipelines.pipeline import Pipeline
from crmkit.core.pipelines.reasons import Reason, Reasons
from crmkit.core.pipelines.refusals import ApprovalMissingError, Refusal, UnknownPipelineError, UnknownStageError
from crmkit.core.pipelines.stages import EntryTask, Stage

__all__ = [
    "ANY_STAGE",
    "Approval",
    "ApprovalMissingError",
    "EntryTask",
    "Guard",
    "Move",
    "PastPipeline",
    "Pipeline",
    "Reason",
    "Reasons",
    "Refusal",
    "Stage",
    "UnknownPipelineError",
    "UnknownStageError",
    "overdue",
]
