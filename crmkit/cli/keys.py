"""What encrypts backups: a key file, the setting, or what somebody types."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from crmkit.cli.session import Session
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit.backup.sealing import Key

__all__ = ["find_key", "key_option"]

F = TypeVar("F", bound=Callable[..., Any])


def key_option(command: F) -> F:
    """Return *command* with the option that names a key file."""
    return click.option(
        "--key-file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help=_("What encrypts the backup is in this file. Default: the passphrase in CRM_BACKUP_PASSPHRASE, or asked."),
    )(command)


def find_key(session: Session, key_file: Path | None, *, is_new: bool = False) -> Key:
    """Return the key; a passphrase that is typed for a new backup is typed twice.

    Raises:
        NoKeyError: none was given, and nobody sits at a terminal.
        BackupKeyError: the key file is too short to be one.
    """
    from crmkit.backup.errors import NoKeyError
    from crmkit.backup.sealing import Key

    if key_file is not None:
        return Key.from_file(key_file)
    passphrase = session.settings.config.backup.passphrase
    if not passphrase:
        if not sys.stdin.isatty():
            raise NoKeyError()
        question = translate(_("Passphrase of the backup"))
        passphrase = click.prompt(question, hide_input=True, confirmation_prompt=is_new, err=True)
    return Key(passphrase.encode())
