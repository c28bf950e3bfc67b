"""Files on records: attached, read, and what is left of them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID

from crmkit import (
    Content,
    ContentStore,
    ForbiddenError,
    Problem,
    Reader,
    Record,
    Target,
    Write,
    WriteContext,
    Writer,
    translator,
)

from ..entities import File

__all__ = ["GRACE", "Swept", "attach", "check_contents", "files_of", "lost_files", "read_file", "sweep"]

# Texts belong to the plugin.
_ = translator(__package__.rpartition(".")[0])

# A rule lists at most a thousand values.
_AT_ONCE = 500

_uploaded: ContextVar[frozenset[tuple[UUID, str]]] = ContextVar("crmkit_workspace_uploaded", default=frozenset())
# An upload may be kept some time before its record is.
GRACE = 24 * 3600.0


def attach(db: Writer, record: Record, content: Content) -> File:
    """Hang *content*, which was put into the CRM's contents, on *record* and return the file.

    Put it there before the transaction begins: ``crm.contents.put(name, chunks)`` takes as long as the upload.
    """
    file = File(
        regarding=Target.of(record),
        name=content.name,
        content_type=content.type,
        size=content.size,
        content_hash=content.hash,
    )
    with _uploading(file):
        return db.create(file)


@contextmanager
def _uploading(file: File) -> Iterator[None]:
    token = _uploaded.set(_uploaded.get() | {(file.id, file.content_hash)})
    try:
        yield
    finally:
        _uploaded.reset(token)


def check_contents(context: WriteContext, writes: Sequence[Write]) -> list[Problem]:
    """Return a problem for each of *writes* that gives a file content without uploading it.

    Who knows the hash of somebody's file would otherwise have the file.
    """
    if context.principal.is_system:
        return []
    message = _("a file gets its content by uploading it")
    return [
        Problem(message, place)
        for place, write in enumerate(writes)
        if write.entity.id == "workspace.file" and write.kind in ("create", "update") and _gives_content(context, write)
    ]


def _gives_content(context: WriteContext, write: Write) -> bool:
    given = any(write.changes(name) for name in ("content_hash", "content_type", "size"))
    return given and (write.record_id, write.get("content_hash")) not in _uploaded.get()


def files_of(db: Reader, record: Record) -> list[File]:
    """Return the files on *record*, the newest first."""
    return db.find(File, File.f.regarding == Target.of(record))


def read_file(db: Reader, contents: ContentStore, id: UUID) -> Iterator[bytes]:
    """Return the content of the file with this id in chunks, checked before the first.

    Raises:
        NotFoundError: there is no such file, or the reader does not see it, or the record that it hangs on.
        UnknownFieldError: the reader may not read what is in files.
        ContentMissingError, ContentDamagedError: the content is not what was uploaded.
    """
    return contents.read(db.get(File, id).content_hash)


@dataclass(frozen=True)
class Swept:
    """Content that no file needs: the hashes, and whether it was deleted."""

    hashes: tuple[str, ...]
    is_deleted: bool


def sweep(db: Reader, contents: ContentStore, *, dry_run: bool = True, now: float | None = None) -> Swept:
    """Delete the content that no file has, those in the bin counted too, unless it is of the last 24 hours.

    *now* is the time of the file system, in seconds since 1970.

    Raises:
        ForbiddenError: the reader is not the system's, which alone sees every file.
    """
    _check_sees_all(db, "delete")
    before = (time.time() if now is None else now) - GRACE
    unneeded = [hash_ for batch in _batches(contents.hashes(before)) for hash_ in batch - _needed(db, batch)]
    if not dry_run:
        contents.tidy(before)
        unneeded = [hash_ for hash_ in unneeded if contents.remove(hash_, before)]
    return Swept(tuple(sorted(unneeded)), not dry_run)


def lost_files(db: Reader, contents: ContentStore) -> Iterator[File]:
    """Yield each file whose content is missing.

    Raises:
        ForbiddenError: the reader is not the system's.
    """
    _check_sees_all(db, "read")
    return (file for file in db.stream(File) if not contents.has(file.content_hash))


def _check_sees_all(db: Reader, verb: str) -> None:
    if not db.access.is_system:
        raise ForbiddenError("workspace.file", verb, "*")


def _batches(hashes: Iterator[str]) -> Iterator[set[str]]:
    while batch := {hash_ for hash_, _n in zip(hashes, range(_AT_ONCE), strict=False)}:
        yield batch


def _needed(db: Reader, hashes: set[str]) -> set[str]:
    rule = File.f.content_hash.in_(sorted(hashes))
    return {file.content_hash for deleted in (False, True) for file in db.find(File, rule, deleted=deleted)}
