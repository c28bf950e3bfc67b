"""Imports: a plan and the files that were sent for it, done by a worker with the rights of who asks."""

from __future__ import annotations

from uuid import UUID

import attrs
import msgspec

from crmkit.core.passing.files import file_of
from crmkit.core.passing.work import IMPORT, IMPORT_DRY_RUN, ImportWork
from crmkit.core.text import gettext as _
from crmkit.core.writing.writer import Writer
from crmkit.rest.calls import Call
from crmkit.rest.collections import ROOT
from crmkit.rest.openapi.operations import Operation
from crmkit.rest.replies import Reply
from crmkit.rest.resources.addresses import record_door
from crmkit.rest.transfers.import_forms import IMPORT_FORM, read_import
from crmkit.rest.transfers.jobs import JOB, accepted
from crmkit.transfer.binding import bind
from crmkit.transfer.jobs import plan_of

__all__ = ["DOORS"]


class Import(msgspec.Struct, forbid_unknown_fields=True):
    """A *plan* in TOML, and for each of its *files* by name the id of what was uploaded; or a *dry_run* of that."""

    plan: str
    files: dict[str, UUID]
    dry_run: bool = False


def enqueue_import(call: Call) -> Reply:
    """Have files imported by a worker, or find out what that would do, and return the job."""
    sent = None if call.form is None else read_import(call, call.form)
    asked = call.read(Import) if sent is None else Import(sent.plan, {}, sent.dry_run)

    def work(db: Writer) -> Reply:
        files = asked.files if sent is None else sent.noted(db)
        wanted = ImportWork(asked.plan, files)
        bind(plan_of(wanted), db.model.registry, db.access)
        for id_ in files.values():
            file_of(db, id_)
        return accepted(db, db.enqueue(IMPORT_DRY_RUN if asked.dry_run else IMPORT, wanted))

    return call.write(work)


_IMPORT = Operation(
    summary=_("Import files as a job; its error files may be corrected and sent again"),
    body=Import,
    form=IMPORT_FORM,
    answers={202: JOB},
)

_DOOR = record_door("import", "POST", f"{ROOT}/imports", enqueue_import, _IMPORT)
DOORS = (attrs.evolve(_DOOR, takes_form=True),)
