"""Versions of pipelines that have been replaced, by which records still go that pin them."""

from __future__ import annotations

import attrs

from crmkit.core.pipelines.pipeline import Pipeline

__all__ = ["PastPipeline"]


@attrs.frozen
class PastPipeline:
    """A version of a pipeline that is not the newest."""

    pipeline: Pipeline

    @property
    def id(self) -> str:
        """The pipeline's id and the number of the version."""
        return f"{self.pipeline.id}@{self.pipeline.version}"
