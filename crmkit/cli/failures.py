"""Errors on the command line: one sentence with its code on standard error, never a traceback."""

from __future__ import annotations

import sys
from typing import IO, Any

import click

from crmkit.core.errors import CrmkitError
from crmkit.core.text import Text, gettext as _, translate

__all__ = ["Failed", "describe", "is_control_flow"]


def is_control_flow(error: Exception) -> bool:
    """Return whether *error* is how click ends a command, or a reader that went away, as in ``| head``."""
    return isinstance(error, (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError))


class Failed(click.ClickException):
    """Shows an error and ends the command with exit code 1."""

    exit_code = 1

    def __init__(self, error: Exception, *, as_json: bool) -> None:
        """Describe *error*; *as_json* prints an object instead of a sentence."""
        self.code, self.sentences, self.facts = describe(error)
        self.as_json = as_json
        super().__init__("\n".join(self.sentences))

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the error to standard error; standard output is for results alone."""
        if self.as_json:
            import json

            facts = {name: _fact(fact) for name, fact in self.facts.items()}
            body = {"code": self.code, "message": " ".join(self.sentences), "facts": facts}
            click.echo(json.dumps({"error": body}, ensure_ascii=False), err=True)
            return
        from crmkit.cli.output import harmless

        first, *rest = self.sentences
        click.echo(f"{translate(_('Error'))} [{self.code}]: {harmless(first, lines=True)}", err=True)
        for sentence in rest:
            click.echo(f"  - {harmless(sentence, lines=True)}", err=True)


def _fact(value: Any) -> Any:
    """Return a fact of an error for JSON: other errors with their code, and whatever JSON does not know as text."""
    from crmkit.cli.output import plain

    if isinstance(value, CrmkitError):
        return {"code": value.code, "message": str(value)}
    if isinstance(value, (list, tuple)):
        return [_fact(part) for part in value]
    try:
        return plain(value)
    except TypeError:
        return str(value)


def describe(error: Exception) -> tuple[str, list[str], dict[str, Any]]:
    """Return the code of *error*, its sentence with the reasons after it, and its facts."""
    if isinstance(error, CrmkitError):
        reasons = error.facts.get("reasons", ())
        if len(reasons) > 1:
            heading = translate(type(error).template).format_map({**error.facts, "summary": ""}).strip()
            return error.code, [heading, *map(str, reasons)], dict(error.facts)
        return error.code, [str(error)], dict(error.facts)
    return _of_database(error) or _unexpected(error)


def _of_database(error: Exception) -> tuple[str, list[str], dict[str, Any]] | None:
    """Describe an error of the database, if SQLAlchemy was imported at all and *error* is its."""
    exceptions = sys.modules.get("sqlalchemy.exc")
    if exceptions is None or not isinstance(error, exceptions.DBAPIError):
        return None
    reason = " ".join(str(error.orig).split())
    sentence = _sentence(_("The database did not answer as expected: {reason}"), reason=reason)
    return "database", [sentence], {"reason": reason}


def _unexpected(error: Exception) -> tuple[str, list[str], dict[str, Any]]:
    reason = f"{type(error).__name__}: {error}"
    message = _("Something in crmkit or a plugin is broken: {reason} (--debug shows where)")
    return "unexpected", [_sentence(message, reason=reason)], {"reason": reason}


def _sentence(message: Text, **facts: Any) -> str:
    return translate(message).format_map(facts)
