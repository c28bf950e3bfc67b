"""Jobs as resources: how far they are, what they have made, and an end to them."""

from __future__ import annotations

from typing import IO, Any, Literal
from uuid import UUID

import attrs
import msgspec

from crmkit.core.errors import NotFoundError
from crmkit.core.jobs.door import SUBJECT, JobView
from crmkit.core.passing.files import KEPT, PassingFile, file_of, files_of_job
from crmkit.core.reading.lists import as_id
from crmkit.core.reading.reader import Reader
from crmkit.core.text import gettext as _, is_storable
from crmkit.core.writing.writer import Writer
from crmkit.rest.calls import Call
from crmkit.rest.collections import ROOT
from crmkit.rest.described import array_of, object_of
from crmkit.rest.errors import QueryError
from crmkit.rest.openapi.operations import JSON_OBJECT, Answer, Follows, Operation, nullable
from crmkit.rest.queries import MOST
from crmkit.rest.replies import Reply, json_reply
from crmkit.rest.resources.addresses import record_door
from crmkit.rest.transfers.flowing import Flow
from crmkit.transfer.writers import MEDIA_TYPES

__all__ = ["DOORS", "JOB", "KINDS", "accepted"]

#: The media types of files, without their parameters. The first is for generators of clients, which take what is of a
#: type that they do not know, or a text, for no file.
KINDS = ["application/octet-stream", *(kind.partition(";")[0] for kind in MEDIA_TYPES.values())]

_JOBS = f"{ROOT}/jobs"
_JOB = f"{_JOBS}/{{job:str}}"
_SHOWN = ("id", "name", "state", "created_at", "run_at", "finished_at", "attempts", "tries", "error", "progress")


class Jobs(msgspec.Struct, forbid_unknown_fields=True):
    """Which jobs are listed."""

    state: Literal["ready", "running", "done", "dead", "cancelled"] | None = None
    name: str | None = None
    limit: int = 50


def list_jobs(call: Call) -> Reply:
    """Return the jobs that the principal may see, those that are due last first."""
    asked = call.read_query(Jobs)
    if asked.name is not None and not is_storable(asked.name):
        raise QueryError("name", _("no database can keep this text"))
    with call.reading() as db:
        found = db.jobs.find(state=asked.state, name=asked.name, limit=min(asked.limit, MOST))
        return json_reply({"items": [_shown(job) for job in found]})


def get_job(call: Call) -> Reply:
    """Return one job, and the files that it has made for who asks."""
    with call.reading() as db:
        return _job_reply(db, db.jobs.get(_id(call, "job")))


def cancel_job(call: Call) -> Reply:
    """Have a job not done, or done no further, and return it."""
    return call.write(lambda db: _job_reply(db, db.jobs.cancel(_id(call, "job"))))


def retry_job(call: Call) -> Reply:
    """Have a job done again that was parked or cancelled, and return it."""
    return call.write(lambda db: _job_reply(db, db.jobs.retry(_id(call, "job"))))


def get_file(call: Call) -> Reply:
    """Return a file that a job has made for who asks, and for nobody else."""
    with call.reading() as db:
        job, file = db.jobs.get(_id(call, "job")), file_of(db, _id(call, "file"))
        if file.job_id != job.id:
            raise NotFoundError(SUBJECT, file.id)
        if file.entity is not None:
            # Rights may have changed since, and a token may have narrower scopes.
            db.check_export(db.entity(file.entity))
    # Every byte is checked before the first is sent.
    content = call.crm.contents.read(str(file.content))

    def work(target: IO[bytes]) -> None:
        target.writelines(content)

    headers = {"content-disposition": f'attachment; filename="{_ascii(file.name)}"', "cache-control": "no-store"}
    return Reply(body=Flow(work).begun(), media_type=file.media_type, headers=headers)


def accepted(db: Writer, job: UUID) -> Reply:
    """Return the answer to a request that *job* does what was asked."""
    return _job_reply(db, db.trusted.jobs.get(job), status=202)


def _job_reply(db: Reader, job: JobView, *, status: int = 200) -> Reply:
    files = files_of_job(db, job.id)
    told = [file.told for file in files if file.told is not None]
    shown = {
        **_shown(job),
        "files": [_file(job, file) for file in files if file.content is not None],
        "report": told[-1] if told else None,
    }
    return json_reply(shown, status, {"location": f"{_JOBS}/{job.id}"} if status == 202 else {})


def _shown(job: JobView) -> dict[str, Any]:
    values = attrs.asdict(job, recurse=False)
    return {name: values[name] for name in _SHOWN}


def _file(job: JobView, file: PassingFile) -> dict[str, Any]:
    return {
        "id": file.id,
        "kind": file.kind,
        "name": file.name,
        "media_type": file.media_type,
        "size": file.size,
        "address": f"{_JOBS}/{job.id}/files/{file.id}",
        "expires_at": file.at + KEPT,
    }


def _id(call: Call, name: str) -> UUID:
    id_ = as_id(call.parameters[name])
    if id_ is None:
        raise NotFoundError(SUBJECT, call.parameters[name])
    return id_


def _ascii(name: str) -> str:
    return "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in '"\\' else "_" for letter in name
    )


_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
_MOMENT = {"type": "string", "format": "date-time"}
_ID = {"type": "string", "format": "uuid"}
_FILE = object_of(
    id=_ID,
    kind={"enum": ["export", "errors"]},
    name=_TEXT,
    media_type=_TEXT,
    size=_NUMBER,
    address=_TEXT,
    expires_at=_MOMENT,
)
_LISTED = object_of(
    id=_ID,
    name=_TEXT,
    state={"enum": ["ready", "running", "done", "dead", "cancelled"]},
    created_at=_MOMENT,
    run_at=_MOMENT,
    finished_at=nullable(_MOMENT),
    attempts=_NUMBER,
    tries=_NUMBER,
    error=nullable(_TEXT),
    progress=nullable(JSON_OBJECT),
)
#: The schema of one job.
JOB = object_of(**_LISTED["properties"], files=array_of(_FILE), report=nullable(JSON_OBJECT))


_THIS = {"job": "$response.body#/id"}
_BEGUN = tuple(Follows(name, 202, _THIS) for name in ("enqueue export", "import"))
_LIST = Operation(summary=_("List jobs"), query=Jobs, answers={200: object_of(items=array_of(_LISTED))})
_GET = Operation(
    summary=_("Get a job and what it has made"),
    answers={200: JOB},
    follows=(*_BEGUN, Follows("list jobs", 200, {"job": "$response.body#/items/0/id"})),
)
_CANCEL = Operation(summary=_("Cancel a job"), answers={200: JOB}, follows=_BEGUN)
_RETRY = Operation(summary=_("Do a job again"), answers={200: JOB}, follows=(Follows("cancel job", 200, _THIS),))
_FILE_OF = Operation(
    summary=_("Get a file that a job has made"),
    answers={200: Answer({"type": "string", "format": "binary"}, media_type=KINDS)},
    follows=(Follows("get job", 200, {**_THIS, "file": "$response.body#/files/0/id"}),),
)

DOORS = (
    record_door("list jobs", "GET", _JOBS, list_jobs, _LIST),
    record_door("get job", "GET", _JOB, get_job, _GET),
    record_door("cancel job", "POST", f"{_JOB}/cancel", cancel_job, _CANCEL),
    record_door("retry job", "POST", f"{_JOB}/retry", retry_job, _RETRY),
    record_door("get file of job", "GET", f"{_JOB}/files/{{file:str}}", get_file, _FILE_OF),
)
