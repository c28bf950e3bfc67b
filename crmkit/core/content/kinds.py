"""What a file is, by its first bytes; what its name says must agree."""

from __future__ import annotations

import re
from mimetypes import MimeTypes

from crmkit.core.content.errors import ContentKindError, ContentRefusedError
from crmkit.core.errors import MissingExtraError
from crmkit.core.text import gettext as _

__all__ = ["SHOWN_INLINE", "UNKNOWN", "kind_of", "plain_name"]

#: The media type of what is not known.
UNKNOWN = "application/octet-stream"
SHOWN_INLINE = frozenset(["application/pdf", "image/gif", "image/jpeg", "image/png", "image/webp", "text/plain"])
"""What a browser may show; everything else is only to be saved, because it may run with the rights of the page."""

# Not the system's table: what a name declares is not to depend on the machine.
_types = MimeTypes(filenames=())
_LONGEST_NAME = 255
_SEPARATORS = re.compile(r"[/\\]")
_UNSEEN = re.compile("[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
_PROGRAMS = {
    b"MZ": "Windows",
    b"\x7fELF": "Linux",
    b"\xcf\xfa\xed\xfe": "macOS",
    b"\xca\xfe\xba\xbe": "macOS",
    b"#!": "script",
}
# What double-clicking runs, whatever is in it.
_RUN_BY_NAME = re.compile(
    r"\.(apk|app|bat|cmd|com|cpl|dll|exe|hta|jar|jse?|lnk|msc|msi|msp|pif|ps1|reg|scr|sh|vbe?|vbs|wsf|wsh)$",
    re.IGNORECASE,
)
# Documents that are told apart by more than their first bytes.
_CONTAINERS = ("application/zip", "application/x-zip-compressed", "application/x-ole-storage")
_WITHOUT_SIGNATURE = ("text/", "application/json", "application/xml", "message/", "image/svg+xml")


def plain_name(name: str) -> str:
    """Return *name* without folders and without characters that nobody sees; it is never used as a path."""
    last = _UNSEEN.sub("", _SEPARATORS.split(name)[-1]).strip(" .")
    stem, dot, ending = last.rpartition(".")
    kept = last if len(last) <= _LONGEST_NAME else f"{stem[: _LONGEST_NAME - len(ending) - 1]}{dot}{ending}"
    return kept[:_LONGEST_NAME] or "file"


def kind_of(name: str, start: bytes) -> str:
    """Return the media type of the file *name* that begins with *start*.

    Raises:
        ContentRefusedError: it is a program, or is run by its name.
        ContentKindError: it is not what its name says.
        MissingExtraError: the package that knows files is not installed.
    """
    program = next((system for magic, system in _PROGRAMS.items() if start.startswith(magic)), None)
    ending = _RUN_BY_NAME.search(name)
    if program or ending:
        raise ContentRefusedError(name, program or str(ending and ending[0]))
    declared = _types.guess_type(name)[0]
    found = _found(name, start)
    if declared in (None, UNKNOWN):
        return next(iter(found), UNKNOWN)
    if declared in found or _may_be(declared, start, found):
        return declared
    raise ContentKindError(name, declared)


def _found(name: str, start: bytes) -> list[str]:
    try:
        import puremagic
    except ImportError:
        raise MissingExtraError(_("A file"), "puremagic", "workspace") from None
    try:
        return [match.mime_type for match in puremagic.magic_string(start, name) if match.mime_type] if start else []
    except puremagic.PureError:
        return []


def _may_be(declared: str, start: bytes, found: list[str]) -> bool:
    """Return whether *start* may be of the type *declared*, which has no signature of its own."""
    if not start:
        return True
    if declared.startswith(_WITHOUT_SIGNATURE) or declared.endswith(("+xml", "+json")):
        return b"\x00" not in start
    return (
        start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0"))
        and any(kind in _CONTAINERS for kind in found)
        and ("office" in declared or "opendocument" in declared or "msword" in declared or "ms-" in declared)
    )
