"""What can go wrong while tables are changed."""

from __future__ import annotations

from crmkit.core.errors import CrmkitError
from crmkit.core.text import Text, gettext as _

__all__ = ["MigrationFailedError", "RevisionError", "RevisionRefusedError", "RevisionsMissingError"]


class RevisionError(CrmkitError):
    """A revision file is not what it must be: its number, its name or what it says of itself."""

    code = "revision"
    template = _("{where}: {message}")

    def __init__(self, where: str, message: str, **facts: object) -> None:
        """Name the file or the revision."""
        super().__init__(where=where, message=message, **facts)


class RevisionsMissingError(CrmkitError):
    """The database was changed by revisions that are not here: a plugin is absent, or an older version of it is."""

    code = "revisions-missing"
    template = _("The database holds what {plugin!r} made in its revision {revision}, but {reason} {mend}")

    def __init__(self, plugin: str, revision: str, reason: Text, mend: Text, **facts: object) -> None:
        """Name the *plugin*, the newest *revision* that is missing, and what mends it."""
        super().__init__(plugin=plugin, revision=revision, reason=reason, mend=mend, **facts)


class RevisionRefusedError(CrmkitError):
    """A revision cannot be made for what the plugin's declarations ask."""

    code = "revision-refused"
    template = _("{where}: {message}")

    def __init__(self, where: str, message: str, **facts: object) -> None:
        """Name the column or the plugin."""
        super().__init__(where=where, message=message, **facts)


class MigrationFailedError(CrmkitError):
    """A step failed and left nothing behind; the steps before it stand, and applying again begins with this one."""

    code = "migration-failed"
    template = _("{revision} failed and changed nothing: {reason} What was applied before it stands.")

    def __init__(self, revision: str, reason: str) -> None:
        """Name the *revision*; the error that stopped it is the cause."""
        super().__init__(revision=revision, reason=reason)
