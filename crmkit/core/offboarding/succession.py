"""Who follows somebody who leaves: one person, several in turn or by load, and others for what rules tell apart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal
from uuid import UUID

import attrs

from crmkit.core.errors import FieldProblem, ValidationError
from crmkit.core.policy.people import User
from crmkit.core.reading.reader import Reader
from crmkit.core.rules.rule import Rule
from crmkit.core.text import gettext as _

__all__ = ["Split", "Succession", "check_successors"]


def _people(given: UUID | Iterable[UUID]) -> tuple[UUID, ...]:
    return (given,) if isinstance(given, UUID) else tuple(given)


def _rule(given: Rule | str) -> Rule:
    return Rule.of(given)


def _splits(given: Iterable[Split]) -> tuple[Split, ...]:
    return tuple(given)


@attrs.frozen
class Split:
    """The records of *entity* for which *rule* holds go to *to* instead; the first split that fits decides."""

    entity: str
    rule: Rule = attrs.field(converter=_rule)
    to: tuple[UUID, ...] = attrs.field(converter=_people)


@attrs.frozen
class Succession:
    """Who gets what: *to*, but for what *splits* tell apart.

    Where there are several they take ``turns``; by ``load`` whoever owns the fewest records of the entity, as far as
    the caller sees, gets the next one.
    """

    to: tuple[UUID, ...] = attrs.field(converter=_people)
    splits: tuple[Split, ...] = attrs.field(converter=_splits, default=())
    by: Literal["turns", "load"] = attrs.field(default="turns", validator=attrs.validators.in_(("turns", "load")))

    @property
    def people(self) -> tuple[UUID, ...]:
        """Everybody who gets something, each once."""
        return tuple(dict.fromkeys([*self.to, *(who for split in self.splits for who in split.to)]))


def check_successors(reader: Reader, leaver: UUID, succession: Succession) -> None:
    """Return if everybody in *succession* may follow *leaver*.

    Raises:
        ValidationError: nobody is named, or somebody is not there for the caller, not active, or the leaver.
    """
    known = reader.get_many(User, succession.people)
    problems = [] if succession.to and all(split.to for split in succession.splits) else [_nobody()]
    for who in succession.people:
        user = known.get(who)
        if who == leaver:
            problems.append(FieldProblem("to", _("nobody succeeds themselves"), "reference"))
        elif user is None or not getattr(user, "is_active", True):
            message = _("there is no active {entity} {reference}")
            problems.append(FieldProblem("to", message, "reference", entity="core.user", reference=str(who)))
    if problems:
        raise ValidationError("core.user", problems)


def _nobody() -> FieldProblem:
    return FieldProblem("to", _("name at least one successor"), "required")
