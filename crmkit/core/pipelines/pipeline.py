"""Pipelines as data: the stages of an entity's records, and the moves between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from crmkit.core.errors import DeclarationError
from crmkit.core.pipelines.moves import ANY_STAGE, Move
from crmkit.core.pipelines.refusals import UnknownStageError
from crmkit.core.pipelines.stages import Stage
from crmkit.core.text import Text, gettext as _

__all__ = ["Pipeline"]


def _stages(given: Iterable[Stage]) -> tuple[Stage, ...]:
    return tuple(given)


def _moves(given: Iterable[Move]) -> tuple[Move, ...]:
    return tuple(given)


@attrs.frozen
class Pipeline:
    """The stages of one entity's records and the moves between them.

    Raises:
        DeclarationError: a slug occurs twice, or a move names a stage that does not exist.
    """

    id: str
    entity: str
    label: Text
    stages: tuple[Stage, ...] = attrs.field(converter=_stages)
    moves: tuple[Move, ...] = attrs.field(converter=_moves)
    version: int = 1

    def __attrs_post_init__(self) -> None:
        slugs = [stage.slug for stage in self.stages]
        if not slugs or len(set(slugs)) != len(slugs):
            raise DeclarationError(self.id, _("a pipeline has at least one stage and no slug twice"))
        for move in self.moves:
            for slug in {move.source, move.target} - {ANY_STAGE}:
                if slug not in slugs:
                    raise DeclarationError(self.id, _("a move names the unknown stage {slug!r}"), slug=slug)

    @property
    def first(self) -> Stage:
        """The stage in which new records begin."""
        return self.stages[0]

    def stage(self, slug: str) -> Stage:
        """Return the stage *slug*.

        Raises:
            UnknownStageError: this pipeline has no such stage.
        """
        for stage in self.stages:
            if stage.slug == slug:
                return stage
        raise UnknownStageError(self.id, slug, [s.slug for s in self.stages])

    def moves_from(self, source: str) -> Mapping[str, Move]:
        """Return ``{target: move}`` for records in *source*; an explicit move goes before one from anywhere."""
        anywhere = {m.target: m for m in self.moves if m.source == ANY_STAGE and m.target != source}
        return anywhere | {m.target: m for m in self.moves if m.source == source}
