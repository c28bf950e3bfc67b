"""Tombstones in a file, kept apart from backups: for a database that is gone with all that it remembered."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from tempfile import NamedTemporaryFile

import msgspec

from crmkit.core.errors import CrmkitError
from crmkit.core.privacy.tombstones import Tombstone
from crmkit.core.text import gettext as _

__all__ = ["TombstoneFileError", "load_tombstones", "save_tombstones"]

_FIRST = b'{"crmkit":"erasures","version":1}'


class TombstoneFileError(CrmkitError):
    """A file is no list of erasures, or was changed or cut short since it was written."""

    code = "erasures-file"
    template = _("{file} is no whole list of erasures, such as crmkit privacy erasures writes.")

    def __init__(self, file: Path) -> None:
        """Name the *file*."""
        super().__init__(file=str(file))


def save_tombstones(file: Path, tombstones: Iterable[Tombstone]) -> int:
    """Write *tombstones* to *file*, one in a line, and return how many there are; all of them or nothing."""
    digest, written = hashlib.sha256(_FIRST), 0
    with NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}", delete=False) as draft:
        try:
            draft.write(_FIRST + b"\n")
            for stone in tombstones:
                line = msgspec.json.encode(stone)
                digest.update(line)
                draft.write(line + b"\n")
                written += 1
            draft.write(msgspec.json.encode({"count": written, "sha256": digest.hexdigest()}) + b"\n")
            draft.flush()
            os.fsync(draft.fileno())
            Path(draft.name).replace(file)
        except BaseException:
            Path(draft.name).unlink(missing_ok=True)
            raise
    return written


def load_tombstones(file: Path) -> list[Tombstone]:
    """Return the tombstones in *file*.

    Raises:
        TombstoneFileError: it is none, or not whole.
    """
    lines = file.read_bytes().splitlines()
    if len(lines) < 2 or lines[0] != _FIRST:
        raise TombstoneFileError(file)
    digest = hashlib.sha256(b"".join(lines[:-1])).hexdigest()
    try:
        end = msgspec.json.decode(lines[-1], type=dict[str, str | int])
        stones = [msgspec.json.decode(line, type=Tombstone) for line in lines[1:-1]]
    except msgspec.MsgspecError:
        raise TombstoneFileError(file) from None
    if end != {"count": len(stones), "sha256": digest}:
        raise TombstoneFileError(file)
    return stones
