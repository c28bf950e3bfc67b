"""Folders in which something is made before it is moved to its place, and what is left of them after a kill."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["draft_folder", "remove_leftovers"]

_PREFIX = ".crmkit-init-"


@contextmanager
def draft_folder(place: Path) -> Iterator[Path]:
    """Give an empty folder in *place*, which is gone at the end whatever happens, but for a kill."""
    draft = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
    # The lock ends with the process, and tells others that somebody is at work here.
    lock = os.open(draft, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_SH)
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        os.close(lock)


def remove_leftovers(place: Path) -> None:
    """Remove the drafts in *place* at which nobody works any more."""
    for draft in place.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            lock = os.open(draft, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(draft, ignore_errors=True)
            finally:
                os.close(lock)
