"""Reasons in the life of a write: given with a move, and always one of those that a pipeline declares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from crmkit.core.errors import FieldProblem, UnknownFieldError, ValidationError
from crmkit.core.pipelines import Stage
from crmkit.core.registry import Registry
from crmkit.core.text import gettext as _
from crmkit.core.writing.changes import Write

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["check_reasons", "given_reason"]


def given_reason(writer: Writer, write: Write, stage: Stage, reason: str | None, note: str | None) -> dict[str, str]:
    """Return the values that keep *reason* and *note* with the record that *write* moves into *stage*.

    Raises:
        ValidationError: the stage asks for no reason, or for no note.
        UnknownFieldError: the field that keeps it is hidden.
    """
    found = dict[str, str]()
    fields = (stage.reasons.field, stage.reasons.note) if stage.reasons else (None, None)
    for given, field in zip((reason, note), fields, strict=True):
        if given is None:
            continue
        if field is None:
            message = _("the stage {stage!r} asks for none")
            raise ValidationError(write.entity.id, [FieldProblem("reason", message, "invalid", stage=stage.slug)])
        if field not in writer.access.entity(write.entity).readable:
            raise UnknownFieldError(write.entity.id, field)
        found[field] = given
    return found


def check_reasons(registry: Registry, write: Write) -> Iterator[FieldProblem]:
    """Yield a problem for each reason that *write* gives and that no pipeline of its entity declares."""
    if not write.entity.pipelined:
        return
    for field, slugs in registry.reasons(write.entity.id).items():
        value = write.values.get(field)
        if value is not None and write.changes(field) and value not in slugs:
            known = ", ".join(slugs)
            yield FieldProblem(field, _("{value!r} is no reason; the reasons are {known}"), value=value, known=known)
