"""Errors on the command line: one sentence with its code on standard error, never a traceback."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence
from typing import IO, Any

import click

from crmkit.cli.click_texts import click_text
from crmkit.core.errors import CrmkitError
from crmkit.core.text import gettext as _, translate

__all__ = [
    "DatabaseError",
    "Failed",
    "FileError",
    "Misused",
    "UnexpectedError",
    "UsageError",
    "as_crmkit_error",
    "is_control_flow",
]

# What a disk says of a file that was opened long ago, without its name.
_OF_A_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def is_control_flow(error: Exception) -> bool:
    """Return whether *error* is how click ends a command, or a reader that went away, as in ``| head``."""
    return isinstance(error, (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError))


class DatabaseError(CrmkitError):
    """The database did not answer as expected."""

    code = "database"
    template = _("The database did not answer as expected: {reason}")

    def __init__(self, reason: str) -> None:
        """Give the database's own *reason*."""
        super().__init__(reason=reason)


class FileError(CrmkitError):
    """The machine refused to read or write a file or a folder."""

    code = "file"
    template = _("Cannot read or write: {reason}")

    def __init__(self, error: OSError) -> None:
        """Name the file, where the *error* knows it, and what the machine says."""
        said = error.strerror or str(error)
        super().__init__(reason=said if error.filename is None else f"{error.filename}: {said}", file=error.filename)


class UnexpectedError(CrmkitError):
    """Something in crmkit or in a plugin is broken: an error that nobody foresaw."""

    code = "unexpected"
    template = _("Something in crmkit or a plugin is broken: {reason} (--debug shows where)")

    def __init__(self, error: Exception) -> None:
        """Name the *error*."""
        super().__init__(reason=f"{type(error).__name__}: {error}")


class UsageError(CrmkitError):
    """A command was called in a way that it does not know: an unknown option, a missing argument, no such command."""

    code = "usage"
    template = _("{reason}")

    def __init__(self, error: click.UsageError) -> None:
        """Say what *error* says, and how the command is called."""
        bare = isinstance(error, click.exceptions.NoArgsIsHelpError)
        reason = click_text("Missing command.") if bare else error.format_message()
        super().__init__(reason=reason, usage=error.ctx.get_usage() if error.ctx else None)


class Failed(click.ClickException):
    """Shows an error and ends the command with exit code 1."""

    exit_code = 1

    def __init__(self, error: Exception, *, as_json: bool, hints: Sequence[str] = ()) -> None:
        """Show *error* and, to people, *hints*; *as_json* prints an object instead of sentences."""
        self.error, self._as_json, self._hints = as_crmkit_error(error), as_json, hints
        super().__init__(str(self.error))

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the error to standard error; standard output is for results alone."""
        click.echo(_as_json(self.error) if self._as_json else _as_text(self.error, self._hints), err=True)


class Misused(Failed):
    """Shows to a program that a command was called wrongly, and ends it with exit code 2."""

    exit_code = 2

    def __init__(self, error: click.UsageError) -> None:
        """Show *error* as an object."""
        super().__init__(UsageError(error), as_json=True)


def _as_json(error: CrmkitError) -> str:
    import json

    facts = {name: _fact(fact) for name, fact in error.facts.items()}
    body = {"code": error.code, "message": str(error), "facts": facts}
    return json.dumps({"error": body}, ensure_ascii=False)


def _as_text(error: CrmkitError, hints: Sequence[str]) -> str:
    from crmkit.cli.output import harmless

    # Not inside an f-string, where texts are not found for translation.
    word, (first, *rest) = translate(_("Error")), sentences(error)
    lines = [f"{word} [{error.code}]: {harmless(first, lines=True)}"]
    return "\n".join([*lines, *(f"  - {harmless(sentence, lines=True)}" for sentence in (*rest, *hints))])


def as_crmkit_error(error: Exception) -> CrmkitError:
    """Return *error*, or where it is none of crmkit's the error that tells of it."""
    if isinstance(error, CrmkitError):
        return error
    # If SQLAlchemy was never imported, the error is none of its.
    exceptions = sys.modules.get("sqlalchemy.exc")
    if exceptions is not None and isinstance(error, exceptions.DBAPIError):
        from crmkit.core.storage.troubles import said_by

        return DatabaseError(said_by(error.orig or error))
    if isinstance(error, OSError) and (error.filename is not None or error.errno in _OF_A_DISK):
        return FileError(error)
    return UnexpectedError(error)


def sentences(error: CrmkitError) -> list[str]:
    """Return the sentence of *error*; if it has several reasons, its heading and then each of them."""
    reasons = error.facts.get("reasons", ())
    if len(reasons) < 2:
        return [str(error)]
    heading = translate(type(error).template).format_map({**error.facts, "summary": ""}).strip()
    return [heading, *map(str, reasons)]


def _fact(value: Any) -> Any:
    """Return a fact of an error for JSON: other errors with their code, and whatever JSON does not know as text."""
    from crmkit.core.representing.plain import plain

    if isinstance(value, CrmkitError):
        return {"code": value.code, "message": str(value)}
    if isinstance(value, (list, tuple)):
        return [_fact(part) for part in value]
    try:
        return plain(value)
    except TypeError:
        return str(value)
