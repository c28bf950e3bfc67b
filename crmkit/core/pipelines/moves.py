"""Moves between stages, and the guards that stand before them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs

from crmkit.core.pipelines.approvals import Approval
from crmkit.core.rules.rule import Rule
from crmkit.core.text import Text

__all__ = ["ANY_STAGE", "Guard", "Move"]

ANY_STAGE = "*"


def _names(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(given)


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

    *guards* are Rules or ids of registered :class:`Guard` objects; all must hold. With *roles*, only their holders may:
    ids of shipped roles, or names of roles made at run time. With an *approval*, others must have agreed before.
    """

    source: str
    target: str
    guards: tuple[Rule | str, ...] = attrs.field(converter=_guards, default=())
    roles: frozenset[str] = attrs.field(converter=_roles, default=())
    approval: Approval | None = None
