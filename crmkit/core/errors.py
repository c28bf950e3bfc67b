"""The errors of the core. Each has a slug code, which is a heading in the errors reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from crmkit.core.text import Text, gettext as _, translate

__all__ = [
    "ConfigurationError",
    "ConflictError",
    "CrmkitError",
    "DeclarationError",
    "FieldProblem",
    "ForbiddenError",
    "HiddenProblem",
    "InapplicableVerbError",
    "MissingExtraError",
    "NotFoundError",
    "StaleError",
    "StatementRefusedError",
    "TryAgainError",
    "UnknownEntityError",
    "UnknownFieldError",
    "ValidationError",
]


class CrmkitError(Exception):
    """What every error of crmkit is: a code, a sentence, and the facts of that sentence as attributes.

    A subclass sets ``code`` and ``template``; its facts are given by keyword and fill the template,
    also in another language (:meth:`localized`).
    """

    code: ClassVar[str] = "crmkit"
    template: ClassVar[Text] = _("{message}")

    def __init__(self, **facts: Any) -> None:
        self.facts: Mapping[str, Any] = facts
        for name, value in facts.items():
            setattr(self, name, value)
        super().__init__(facts)

    def __str__(self) -> str:
        return self.localized()

    def localized(self, locale: str | None = None) -> str:
        """Return the sentence in *locale*, or in the current one."""
        shown = {
            name: translate(value, locale).format_map(self.facts) if isinstance(value, Text) else value
            for name, value in self.facts.items()
        }
        return translate(self.template, locale).format_map(shown)

    def __getattr__(self, name: str) -> Any:
        # Facts are set in __init__; this only tells type checkers that they exist.
        raise AttributeError(name)


class DeclarationError(CrmkitError):
    """An entity, field, role, pipeline or plugin is declared in a way that cannot work."""

    code = "declaration"
    template = _("{where}: {message}")

    def __init__(self, where: str, message: str, **facts: Any) -> None:
        super().__init__(where=where, message=message, **facts)


class ConfigurationError(CrmkitError):
    """The configuration names something unknown, or gives a value that is not accepted."""

    code = "configuration"
    template = _("{where}: {message}")

    def __init__(self, where: str, message: str, **facts: Any) -> None:
        super().__init__(where=where, message=message, **facts)


class UnknownEntityError(CrmkitError):
    """No enabled plugin declares this entity."""

    code = "unknown-entity"
    template = _("There is no entity {entity!r}.")

    def __init__(self, entity: str) -> None:
        super().__init__(entity=entity)


class UnknownFieldError(CrmkitError, AttributeError):
    """The entity has no such field for this principal: it does not exist, or it is hidden. The words are the same."""

    code = "unknown-field"
    template = _("{entity} has no field {field!r}.")

    def __init__(self, entity: str, field: str) -> None:
        super().__init__(entity=entity, field=field)


class NotFoundError(CrmkitError):
    """There is no such record for this principal: it does not exist, or it is not visible. The words are the same."""

    code = "not-found"
    template = _("{entity}: there is no record {reference!r}.")

    def __init__(self, entity: str, reference: object) -> None:
        super().__init__(entity=entity, reference=str(reference))


class ForbiddenError(CrmkitError):
    """The record is visible, but no grant allows this verb on it."""

    code = "forbidden"
    template = _("{entity}: you may not {verb} {reference!r}.")

    def __init__(self, entity: str, verb: str, reference: object) -> None:
        super().__init__(entity=entity, verb=verb, reference=str(reference))


class InapplicableVerbError(CrmkitError):
    """A verb was used on records that it is not for: what is not ``Owned`` or ``Pipelined``."""

    code = "inapplicable-verb"
    template = _("{entity}: there is nothing to {verb}; {reason}.")

    def __init__(self, entity: str, verb: str, reason: str) -> None:
        super().__init__(entity=entity, verb=verb, reason=reason)


class MissingExtraError(CrmkitError):
    """A format or a command needs a package that is not installed."""

    code = "missing-extra"
    template = _("{what} needs the package {package}. Install it with: pip install 'crmkit[{extra}]'.")

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(what=what, package=package, extra=extra)


class StaleError(CrmkitError):
    """Somebody else changed the record after it was read."""

    code = "stale"
    template = _("{entity}: {reference!r} was changed by somebody else. Read it again; you had version {version}.")

    def __init__(self, entity: str, reference: object, version: int) -> None:
        super().__init__(entity=entity, reference=str(reference), version=version)


class ConflictError(CrmkitError):
    """The database refused the write: a value that must be unique is taken, or other records still refer to this one.

    Deliberately generic: it may concern a record that the principal does not see.
    """

    code = "conflict"
    template = _("{entity}: this write conflicts with another record.")

    def __init__(self, entity: str) -> None:
        super().__init__(entity=entity)


class TryAgainError(CrmkitError):
    """Other writers were in the way, so the database ended this transaction: nothing of it was written.

    The same call may be made again, from the beginning of the transaction.
    """

    code = "try-again"
    template = _("Somebody else was writing the same records. Nothing was written; do the same again.")


class DatabaseFullError(CrmkitError):
    """There is no room left for what was to be written: nothing of the transaction was. Reading goes on."""

    code = "database-full"
    template = _("The database has no room left. Nothing was written; make room, then do the same again.")


class DatabaseUnreachableError(CrmkitError):
    """The database cannot be reached, or went away: it was stopped, or its disk or the way to it failed.

    Nothing of the transaction was written, unless it was just being committed: then all of it may be. ``reason`` is
    what the driver says; it may name hosts and users, so that it is for whoever runs crmkit alone.
    """

    code = "database-unreachable"
    template = _("The database cannot be reached, or went away: {reason}")

    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)


class StatementRefusedError(CrmkitError):
    """A statement given to ``execute`` reaches data outside the safe relations of its reader."""

    code = "statement-refused"
    template = _("Statement refused at {node}: {reason}. Build it from db.visible(…) and listed functions.")

    def __init__(self, node: str, reason: str) -> None:
        super().__init__(node=node, reason=reason)


class FieldProblem(CrmkitError):
    """One value that a field does not accept; collected into a :class:`ValidationError`."""

    code = "field"
    template = _("{field}: {message}")

    def __init__(self, field: str, message: str, problem: str = "invalid", **facts: Any) -> None:
        super().__init__(field=field, message=message, problem=problem, **facts)


class HiddenProblem(FieldProblem):
    """The same of a field that the principal may not see, so that neither the field nor the reason is told."""

    template = _("something that you may not see is missing or not accepted")

    def __init__(self) -> None:
        super().__init__("", "", "hidden")


class ValidationError(CrmkitError):
    """Values were refused.

    ``problems`` lists each :class:`FieldProblem` of the first record that has any, ``index`` is that record's place in
    the batch, and ``by_index`` has the problems of every record by its place.
    """

    code = "validation"
    template = _("{entity}: {summary}")

    def __init__(
        self,
        entity: str,
        problems: list[FieldProblem],
        index: int = 0,
        by_index: dict[int, list[FieldProblem]] | None = None,
    ) -> None:
        super().__init__(entity=entity, problems=problems, index=index, by_index=by_index or {index: problems})

    def localized(self, locale: str | None = None) -> str:
        """Return every problem in one sentence."""
        summary = "; ".join(problem.localized(locale) for problem in self.facts["problems"])
        return translate(self.template, locale).format(entity=self.facts["entity"], summary=summary)
