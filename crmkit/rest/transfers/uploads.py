"""Files that are sent to be imported: each is kept for a day, for who sent it."""

from __future__ import annotations

from functools import partial

import attrs
import msgspec

from crmkit.core.passing.files import KEPT, note_file
from crmkit.core.text import gettext as _
from crmkit.core.writing.writer import Writer
from crmkit.rest.calls import Call
from crmkit.rest.collections import ROOT
from crmkit.rest.described import object_of
from crmkit.rest.openapi.operations import Operation
from crmkit.rest.replies import Reply, json_reply
from crmkit.rest.resources.addresses import record_door

__all__ = ["DOORS"]

_CHUNK = 1 << 16


class Upload(msgspec.Struct, forbid_unknown_fields=True):
    """What the file is called."""

    name: str = "file"


def upload(call: Call) -> Reply:
    """Keep the body as a file and return its id."""
    asked, file = call.read_query(Upload), call.file
    assert file is not None
    content = call.crm.contents.keep(asked.name, iter(partial(file.read, _CHUNK), b""))

    def work(db: Writer) -> Reply:
        kept = note_file(db, content, "upload", content.type)
        shown = {"id": kept.id, "name": kept.name, "size": kept.size, "expires_at": kept.at + KEPT}
        return json_reply(shown, 201)

    return call.write(work)


_KEPT = object_of(
    id={"type": "string", "format": "uuid"},
    name={"type": "string"},
    size={"type": "integer"},
    expires_at={"type": "string", "format": "date-time"},
)
_UPLOAD = Operation(
    summary=_("Send a file that is to be imported"),
    query=Upload,
    body={"type": "string", "format": "binary"},
    media_type="application/octet-stream",
    needs_body=False,
    answers={201: _KEPT},
)

DOORS = (attrs.evolve(record_door("upload", "POST", f"{ROOT}/uploads", upload, _UPLOAD), takes_file=True),)
