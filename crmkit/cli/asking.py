"""Commands that take something away: shown without being done, and confirmed before they are done."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit.cli.session import Session

__all__ = ["confirm", "dry_run", "yes"]

dry_run = click.option("--dry-run", is_flag=True, help=_("Only show what would be done."))
yes = click.option("--yes", is_flag=True, help=_("Do not ask."))


def confirm(session: Session, yes: bool, question: str) -> None:
    """Ask where somebody can answer; a program that did not say ``--yes`` is told to."""
    if yes:
        return
    if session.as_json or not sys.stdin.isatty():
        raise click.UsageError(translate(_("Nobody is there to be asked: look with --dry-run, then give --yes.")))
    click.confirm(question, abort=True, err=True)
