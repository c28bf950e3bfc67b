"""What a backup has of what is inside files, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit.backup.frames import FileCount
    from crmkit.cli.session import Session

__all__ = ["files_as_dict", "tell_files"]


def files_as_dict(files: FileCount | None) -> dict[str, Any] | None:
    """Return what programs are told of *files*."""
    return None if files is None else {"count": files.count, "size": files.size, "lost": files.lost}


def tell_files(session: Session, files: FileCount | None) -> None:
    """Say how much is inside files, that nothing is, and what was missing."""
    if files is None:
        session.say(translate(_("What is inside files is not in it.")))
        return
    told = translate(_("It has {count:,} contents of files, {size:,} bytes."))
    session.say(told.format(count=files.count, size=files.size))
    if files.lost:
        message = _("{lost:,} contents were missing or damaged when it was made, and are not in it. See: crmkit verify")
        session.warn(message, lost=files.lost)
