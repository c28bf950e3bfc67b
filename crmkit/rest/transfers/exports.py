"""Exports: the records for which a rule holds as one file, written while it is read."""

from __future__ import annotations

from typing import IO, Literal

import attrs
import msgspec

from crmkit.core.entity import EntityInfo
from crmkit.core.passing.work import EXPORT, ExportWork
from crmkit.core.reading.reader import Reader
from crmkit.core.rules.rule import Rule
from crmkit.core.text import gettext as _
from crmkit.core.writing.writer import Writer
from crmkit.rest.calls import Call
from crmkit.rest.collections import entity_at
from crmkit.rest.described import FIELDS, ORDER_BY, WHERE
from crmkit.rest.errors import QueryError
from crmkit.rest.openapi.operations import Answer, Operation, Parameter
from crmkit.rest.queries import names_in, sorted_out
from crmkit.rest.replies import Reply
from crmkit.rest.resources.addresses import COLLECTION, record_door
from crmkit.rest.transfers.flowing import Flow
from crmkit.rest.transfers.jobs import JOB, KINDS, accepted
from crmkit.transfer.exporting import check_export, export
from crmkit.transfer.writers import FORMATS, MEDIA_TYPES

__all__ = ["DOORS"]


@attrs.frozen
class _Asked:
    """What is exported, and how."""

    format: str
    where: Rule | None
    fields: tuple[str, ...] | None
    order_by: tuple[str, ...] | None

    @classmethod
    def of(cls, db: Reader, info: EntityInfo, call: Call) -> _Asked:
        known, where = sorted_out(db, info, call.arguments, ("format", "fields", "order_by"))
        fields, order_by = (names_in(known[name]) if name in known else None for name in ("fields", "order_by"))
        return cls(_format(call), where, fields, order_by)


def _format(call: Call) -> str:
    format = dict(call.arguments).get("format", "csv")
    if format not in FORMATS:
        raise QueryError("format", _("one of {known}"), known=", ".join(FORMATS))
    return format


def export_records(call: Call) -> Reply:
    """Return the records of an entity that may be read and exported as a file."""
    format = _format(call)

    def work(file: IO[bytes]) -> None:
        with call.reading() as db:
            info = entity_at(db, call.parameters)
            asked = _Asked.of(db, info, call)
            export(
                db,
                info.cls,
                file,
                where=asked.where,
                fields=asked.fields,
                order_by=asked.order_by,
                format=asked.format,
            )

    body = Flow(work).begun()
    name = f"{call.parameters['collection']}.{format}"
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Reply(body=body, media_type=MEDIA_TYPES[format], headers=headers)


class Export(msgspec.Struct, forbid_unknown_fields=True):
    """What a job exports: the records for which the rule *filter* holds."""

    format: Literal["csv", "xlsx", "jsonl"] = "csv"
    filter: str | None = None
    fields: list[str] | None = None
    order_by: list[str] | None = None


def enqueue_export(call: Call) -> Reply:
    """Have the records of an entity exported by a worker, and return the job."""
    asked = call.read(Export)

    def work(db: Writer) -> Reply:
        info = entity_at(db, call.parameters)
        check_export(db, info.cls, where=asked.filter, fields=asked.fields, order_by=asked.order_by)
        name = f"{call.parameters['collection']}.{asked.format}"
        fields, order_by = (None if each is None else tuple(each) for each in (asked.fields, asked.order_by))
        wanted = ExportWork(info.id, asked.format, name, asked.filter, fields, order_by)
        return accepted(db, db.enqueue(EXPORT, wanted))

    return call.write(work)


_EXPORT = Operation(
    summary=_("Export records as a file"),
    query=(WHERE, ORDER_BY, FIELDS, Parameter("format", _("The format of the file."), {"enum": [*FORMATS]})),
    answers={200: Answer({"type": "string", "format": "binary"}, media_type=KINDS)},
    verb="export",
)
_ENQUEUE = Operation(
    summary=_("Export records as a job, which keeps the file for a day"), body=Export, answers={202: JOB}, verb="export"
)

DOORS = (
    record_door("export", "GET", f"{COLLECTION}/export", export_records, _EXPORT),
    record_door("enqueue export", "POST", f"{COLLECTION}/exports", enqueue_export, _ENQUEUE),
)
