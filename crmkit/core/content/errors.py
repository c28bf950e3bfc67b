"""Why content is not taken, or cannot be given."""

from __future__ import annotations

from crmkit.core.errors import CrmkitError
from crmkit.core.text import gettext as _

__all__ = [
    "ContentDamagedError",
    "ContentKindError",
    "ContentMissingError",
    "ContentRefusedError",
    "ContentTooLargeError",
]


class ContentTooLargeError(CrmkitError):
    """A file is larger than ``files.most_megabytes`` allows. Nothing of it was kept."""

    code = "content-too-large"
    template = _("{name!r} is too large: a file may have {most} bytes.")

    def __init__(self, name: str, most: int) -> None:
        """Name the file, and how many bytes are accepted."""
        super().__init__(name=name, most=most)


class ContentRefusedError(CrmkitError):
    """A file is a program, or would be taken for one. Nothing of it was kept."""

    code = "content-refused"
    template = _("{name!r} is a program ({kind}), and programs are not kept. Accepted: documents, pictures, archives.")

    def __init__(self, name: str, kind: str) -> None:
        """Name the file and what it is."""
        super().__init__(name=name, kind=kind)


class ContentKindError(CrmkitError):
    """What is in a file is not what its name says. Nothing of it was kept."""

    code = "content-kind"
    template = _("{name!r} is named like {declared}, but what is in it is not. Give it the name of what it is.")

    def __init__(self, name: str, declared: str) -> None:
        """Name the file and the type that its name declares."""
        super().__init__(name=name, declared=declared)


class ContentMissingError(CrmkitError):
    """A record names content that the folder of files does not have: restore the folder from a backup."""

    code = "content-missing"
    template = _("The content {hash} is missing.")

    def __init__(self, hash: str) -> None:
        """Name the *hash*."""
        super().__init__(hash=hash)


class ContentDamagedError(CrmkitError):
    """Content was changed by something other than crmkit, or the disk failed: restore it from a backup."""

    code = "content-damaged"
    template = _("The content {hash} is damaged: it does not have its hash any more.")

    def __init__(self, hash: str) -> None:
        """Name the *hash*."""
        super().__init__(hash=hash)
