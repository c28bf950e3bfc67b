"""Stages: where a record may stand, and what it takes to stand there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Literal

import attrs

from crmkit.core.errors import DeclarationError
from crmkit.core.pipelines.reasons import Reasons
from crmkit.core.text import Text, gettext as _

__all__ = ["EntryTask", "Stage", "StageKind"]

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
    *expected* is how long a record should stay, in whole hours. *reasons* are those that a move into the stage gives.
    """

    slug: str
    label: Text
    kind: StageKind = "open"
    probability: int = attrs.field(default=0)
    required: tuple[str, ...] = attrs.field(converter=_names, default=())
    tasks: tuple[EntryTask, ...] = attrs.field(converter=_tasks, default=())
    expected: timedelta | None = None
    reasons: Reasons | None = None

    def __attrs_post_init__(self) -> None:
        if not _SLUG.match(self.slug):
            raise DeclarationError(self.slug, _("a stage's slug is in lower case, such as 'qualified'"))
        if not 0 <= self.probability <= 100:
            raise DeclarationError(self.slug, _("a stage's probability lies between 0 and 100"))
        if self.expected is not None and (self.expected <= timedelta(0) or self.expected % timedelta(hours=1)):
            raise DeclarationError(self.slug, _("what is expected of a stage is a number of whole hours"))
