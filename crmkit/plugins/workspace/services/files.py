"""Files on records: attached and read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from crmkit import (
    Content,
    ContentStore,
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

__all__ = ["attach", "check_contents", "files_of", "read_file"]

# Texts belong to the plugin.
_ = translator(__package__.rpartition(".")[0])

_uploaded: ContextVar[frozenset[tuple[UUID, str]]] = ContextVar("crmkit_workspace_uploaded", default=frozenset())


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
