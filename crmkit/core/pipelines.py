"""Pipelines as data: stages, the moves between them, and what a move demands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

import attrs

from crmkit.core.errors import CrmkitError, DeclarationError
from crmkit.core.rules.rule import Rule
from crmkit.core.text import Text, gettext as _, translate

__all__ = ["ANY_STAGE", "EntryTask", "Guard", "Move", "Pipeline", "Refusal", "Stage", "UnknownStageError"]

ANY_STAGE = "*"
StageKind = Literal["open", "won", "lost"]
_SLUG = re.compile(r"[a-z][a-z0-9_]{0,40}\Z")


@attrs.frozen
class EntryTask:
    """A task that is made for the record's owner when a record enters the stage, due after *due_after*."""

    title: Text
    due_after: timedelta | None = None


# A bare ``tuple`` as converter tells type checkers nothing about what is in the list that one writes.
def _names(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(given)


def _tasks(given: Iterable[EntryTask]) -> tuple[EntryTask, ...]:
    return tuple(given)


@attrs.frozen
class Stage:
    """One stage. *slug* is permanent and never used again; the label may change.

    *probability* is the chance of winning in percent. A record enters only with the *required* fields filled.
    *expected* is how long a record should stay.
    """

    slug: str
    label: Text
    kind: StageKind = "open"
    probability: int = attrs.field(default=0)
    required: tuple[str, ...] = attrs.field(converter=_names, default=())
    tasks: tuple[EntryTask, ...] = attrs.field(converter=_tasks, default=())
    expected: timedelta | None = None

    def __attrs_post_init__(self) -> None:
        if not _SLUG.match(self.slug):
            raise DeclarationError(self.slug, _("a stage's slug is in lower case, such as 'qualified'"))
        if not 0 <= self.probability <= 100:
            raise DeclarationError(self.slug, _("a stage's probability lies between 0 and 100"))


@attrs.frozen
class Guard:
    """A named condition that a plugin computes.

    *check* gets a trusted reader and the record, and returns whether the record may pass. *needs* are the fields of the
    record that it looks at: a refusal shows its label to those who may read them all; without, to those who may read
    every field.
    """

    id: str
    label: Text
    check: Callable[[Any, Any], bool]
    needs: tuple[str, ...] | None = attrs.field(converter=attrs.converters.optional(_names), default=None)


def _roles(given: Iterable[str]) -> frozenset[str]:
    return frozenset([given] if isinstance(given, str) else given)


def _guards(given: Iterable[Rule | str]) -> tuple[Rule | str, ...]:
    return tuple(given)


@attrs.frozen
class Move:
    """Allows records to go from *source* (or from anywhere, ``*``) to *target*.

    *guards* are Rules or ids of registered :class:`Guard` objects; all must hold. With *roles*, only their holders may.
    """

    source: str
    target: str
    guards: tuple[Rule | str, ...] = attrs.field(converter=_guards, default=())
    roles: frozenset[str] = attrs.field(converter=_roles, default=())


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
