"""The files of one user that are on their way, and nobody else's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import attrs
import sqlalchemy as sa

from crmkit.core.errors import NotFoundError
from crmkit.core.ids import new_id

if TYPE_CHECKING:
    from crmkit.core.content.store import Content
    from crmkit.core.reading.reader import Reader
    from crmkit.core.writing.writer import Writer

__all__ = ["KEPT", "PassingFile", "file_of", "files_of_job", "note_file", "note_told"]

#: For how long a file is there; content that no record names is swept no sooner.
KEPT = timedelta(days=1)
#: Sent to be imported, made by an export, rows that an import refused, or what a job tells of itself.
Kind = Literal["upload", "export", "errors", "report"]
_WHAT = "core.passing_file"


@attrs.frozen
class PassingFile:
    """A file, or what a job *told*. *content* is the hash of what is in it, *entity* that of which it has records."""

    id: UUID
    job_id: UUID | None
    kind: Kind
    entity: str | None
    name: str
    media_type: str
    size: int
    content: str | None
    told: Mapping[str, Any] | None
    at: datetime


_NAMES = tuple(field.name for field in attrs.fields(PassingFile))


def note_file(
    db: Writer,
    content: Content,
    kind: Kind,
    media_type: str,
    *,
    job: UUID | None = None,
    entity: str | None = None,
) -> PassingFile:
    """Keep for the principal of *db* that *content*, which is in the contents, is a file of theirs, and return it."""
    return _noted(
        db,
        job_id=job,
        kind=kind,
        entity=entity,
        name=content.name,
        media_type=media_type,
        size=content.size,
        content=content.hash,
        told=None,
    )


def note_told(db: Writer, job: UUID, told: Mapping[str, Any]) -> None:
    """Keep for the principal of *db* what their *job* tells of itself."""
    _noted(
        db,
        job_id=job,
        kind="report",
        entity=None,
        name="",
        media_type="application/json",
        size=0,
        content=None,
        told=told,
    )


def _noted(db: Writer, **values: Any) -> PassingFile:
    row = {"id": new_id(), "at": db.now, **values}
    with db.all_or_nothing():
        db.connection.execute(sa.insert(db.model.schema.system.passing_file).values(**row, user_id=db.access.user_id))
    return PassingFile(**row)


def files_of_job(db: Reader, job: UUID) -> list[PassingFile]:
    """Return what *job* has left for the principal of *db*."""
    return _found(db, db.model.schema.system.passing_file.c.job_id == job)


def file_of(db: Reader, id: UUID) -> PassingFile:
    """Return the file with this *id*, of the principal of *db*.

    Raises:
        NotFoundError: there is none, or it is somebody else's; the words are the same.
    """
    found = _found(db, db.model.schema.system.passing_file.c.id == id)
    if not found or found[0].content is None:
        raise NotFoundError(_WHAT, id)
    return found[0]


def _found(db: Reader, where: sa.ColumnElement[bool]) -> list[PassingFile]:
    file, user = db.model.schema.system.passing_file, db.access.user_id
    if user is None:
        return []
    mine = sa.select(*(file.c[name] for name in _NAMES)).where(
        where, file.c.user_id == user, file.c.at >= db.moment.now - KEPT
    )
    return [PassingFile(**row) for row in db.connection.execute(mine.order_by(file.c.id)).mappings()]
