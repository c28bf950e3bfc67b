"""What can go wrong with backups."""

from __future__ import annotations

from pathlib import Path

from crmkit.core.errors import CrmkitError
from crmkit.core.text import Text, gettext as _

__all__ = [
    "BackupContentError",
    "BackupDamagedError",
    "BackupKeyError",
    "BackupTargetError",
    "BackupVersionError",
    "NoKeyError",
    "NotABackupError",
    "RestoreRefusedError",
]


class NotABackupError(CrmkitError):
    """A file is no backup of crmkit."""

    code = "not-a-backup"
    template = _("{file} is no backup that crmkit made.")

    def __init__(self, file: str) -> None:
        """Name the *file*."""
        super().__init__(file=file)


class BackupVersionError(CrmkitError):
    """A backup has a format that this version of crmkit does not know."""

    code = "backup-version"
    template = _(
        "The backup has the format {found}; this crmkit reads {known}. Use the crmkit that made it, or a newer."
    )

    def __init__(self, found: object, known: int) -> None:
        """Say which format was *found*, and which is *known*."""
        super().__init__(found=found, known=known)


class NoKeyError(CrmkitError):
    """Nothing was given with which a backup could be encrypted or read."""

    code = "no-backup-key"
    template = _("Give what encrypts the backup: --key-file FILE, or CRM_BACKUP_PASSPHRASE, or its _FILE.")


class BackupKeyError(CrmkitError):
    """A backup was encrypted with another passphrase or key file, or a key file is too short to be one."""

    code = "backup-key"
    template = _("{message}")

    def __init__(self, message: Text, **facts: object) -> None:
        """Say what is wrong with the key."""
        super().__init__(message=message, **facts)


class BackupDamagedError(CrmkitError):
    """A backup is not what was written: it is cut off, or bytes of it were changed."""

    code = "backup-damaged"
    template = _("The backup is damaged: {message}. Use another one.")

    def __init__(self, message: Text, **facts: object) -> None:
        """Say what was found."""
        super().__init__(message=message, **facts)


class BackupTargetError(CrmkitError):
    """A backup cannot be written where it was asked to be."""

    code = "backup-target"
    template = _("{file} is there already. Give another name; backups are never overwritten.")

    def __init__(self, file: Path) -> None:
        """Name the *file*."""
        super().__init__(file=str(file))


class BackupContentError(CrmkitError):
    """The database holds something that no backup can carry."""

    code = "backup-content"
    template = _("{table}.{column} has the type {type}, which backups do not know. Keep it outside crmkit's database.")

    def __init__(self, table: str, column: str, type: str) -> None:
        """Name the *column* of *table*, and its *type*."""
        super().__init__(table=table, column=column, type=type)


class RestoreRefusedError(CrmkitError):
    """A backup cannot be restored here; nothing was changed."""

    code = "restore-refused"
    template = _("Nothing was restored: {message}")

    def __init__(self, message: Text, **facts: object) -> None:
        """Say why."""
        super().__init__(message=message, **facts)
