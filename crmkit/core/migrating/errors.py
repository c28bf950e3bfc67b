"""What can go wrong while tables are changed."""

from __future__ import annotations

from collections.abc import Sequence

from crmkit.core.errors import CrmkitError
from crmkit.core.text import Text, gettext as _

__all__ = [
    "IrreversibleRevisionError",
    "MigrationFailedError",
    "NotMigratedError",
    "PluginParkedError",
    "RevisionError",
    "RevisionRefusedError",
    "RevisionsMissingError",
    "StillReferredError",
    "UnknownPluginError",
]


class NotMigratedError(CrmkitError):
    """The database lacks what the enabled plugins need."""

    code = "database-not-migrated"
    template = _("The database lacks {count} revisions, the first is {first}. Run: crmkit db apply")

    def __init__(self, revisions: Sequence[str]) -> None:
        """Name the missing *revisions*."""
        super().__init__(count=len(revisions), first=revisions[0], revisions=tuple(revisions))


class PluginParkedError(CrmkitError):
    """A plugin is enabled and its tables are parked."""

    code = "plugin-parked"
    template = _(
        "The plugin {plugin!r} is enabled, and its tables are parked. To have them again, run crmkit db apply; "
        "to go on without it, run crmkit plugin remove {plugin}."
    )

    def __init__(self, plugin: str) -> None:
        """Name the *plugin*."""
        super().__init__(plugin=plugin)


class StillReferredError(CrmkitError):
    """The tables of a plugin cannot go: those of somebody else refer to them."""

    code = "still-referred"
    template = _("{plugin}: {table} refers to {target}. {mend}")

    def __init__(self, plugin: str, table: str, target: str, mend: Text) -> None:
        """Name the *table* that refers to *target*, which is the *plugin*'s, and what to do about it."""
        super().__init__(plugin=plugin, table=table, target=target, mend=mend)


class UnknownPluginError(CrmkitError):
    """A plugin was to be parked or purged of which the database holds nothing."""

    code = "unknown-plugin"
    template = _("The database holds nothing of a plugin {plugin!r} that could be {verb}. It knows: {known}")

    def __init__(self, plugin: str, verb: Text, known: Sequence[str]) -> None:
        """Name the *plugin* and those that are *known*."""
        super().__init__(plugin=plugin, verb=verb, known=", ".join(known) or "-")


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


class IrreversibleRevisionError(CrmkitError):
    """A revision cannot be taken back, so nothing was."""

    code = "irreversible-revision"
    template = _("{revision} cannot be taken back: {reason} Restore a backup from before it was applied.")

    def __init__(self, revision: str, reason: str) -> None:
        """Name the *revision*."""
        super().__init__(revision=revision, reason=reason)


class MigrationFailedError(CrmkitError):
    """A step failed and left nothing behind; the steps before it stand, and applying again begins with this one."""

    code = "migration-failed"
    template = _("{revision} failed and changed nothing: {reason} What was applied before it stands.")

    def __init__(self, revision: str, reason: str) -> None:
        """Name the *revision*; the error that stopped it is the cause."""
        super().__init__(revision=revision, reason=reason)
