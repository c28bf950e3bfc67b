"""What in the ledger an event tells of: an entity, how its record was written, and what the write changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_args

import attrs

from crmkit.core.errors import DeclarationError
from crmkit.core.pipelines.stages import StageKind
from crmkit.core.policy.roles import EVERY_ENTITY
from crmkit.core.rules.rule import Rule
from crmkit.core.text import gettext as _

__all__ = ["Trigger"]

_KINDS = ("create", "update", "delete", "restore", "transfer", "move", "merge", "unmerge")


def _kinds(given: Iterable[str]) -> frozenset[str]:
    kinds = frozenset([given] if isinstance(given, str) else given)
    if unknown := sorted(kinds - set(_KINDS)):
        raise DeclarationError(
            ", ".join(unknown), _("no kind of write; the kinds are {kinds}"), kinds=", ".join(_KINDS)
        )
    return kinds


def _names(given: Iterable[str]) -> frozenset[str]:
    return frozenset([given] if isinstance(given, str) else given)


def _rule(given: Rule | str | None) -> Rule | None:
    return Rule.parse(given) if isinstance(given, str) else given


@attrs.frozen
class Trigger:
    """Picks the writes on records of *entity*, or of every entity (``*``), that an event tells of.

    *kinds* are the kinds of write, all of them unless given. With *changes* only writes that change one of these
    fields count. *enters* is the kind of stage, or with *stages* the stages, that the write brings its record into
    from another one. *where* must hold for the record as it stands when the event is told, a moment after the write.
    """

    entity: str
    kinds: frozenset[str] = attrs.field(converter=_kinds, default=())
    changes: frozenset[str] = attrs.field(converter=_names, default=())
    enters: StageKind | None = attrs.field(default=None)
    stages: frozenset[str] = attrs.field(converter=_names, default=())
    where: Rule | None = attrs.field(converter=_rule, default=None)

    def __attrs_post_init__(self) -> None:
        if self.enters not in (None, *get_args(StageKind)):
            raise DeclarationError(str(self.enters), _("no kind of stage; the kinds are open, won and lost"))
        if self.entity == EVERY_ENTITY and (self.changes or self.enters or self.stages or self.where):
            raise DeclarationError(self.entity, _("a trigger on every entity picks by the kind of write alone"))

    @property
    def asks_values(self) -> bool:
        """Whether it must look at what the write changed."""
        return bool(self.changes or self.enters or self.stages)

    def picks(self, kind: str, changes: Mapping[str, Any] | None) -> bool:
        """Return whether it picks a write of *kind*; *changes* are ``{field: (old, new)}``, ``None`` once erased.

        What *where* says is not looked at.
        """
        if self.kinds and kind not in self.kinds:
            return False
        if not self.asks_values:
            return True
        if changes is None or (self.changes and not self.changes & changes.keys()):
            return False
        return _enters(changes, "stage_kind", self.enters and {self.enters}) and _enters(changes, "stage", self.stages)


def _enters(changes: Mapping[str, Any], field: str, wanted: Iterable[str] | None) -> bool:
    return not wanted or (field in changes and changes[field][1] in wanted)
