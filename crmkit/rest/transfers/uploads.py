"""Files that are sent to be imported: each is kept for a day, for who sent it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import attrs
import msgspec

from crmkit.core.passing.files import KEPT, note_file
from crmkit.core.text import gettext as _
from crmkit.core.writing.writer import Writer
from crmkit.rest.calls import Call
from crmkit.rest.collections import ROOT
from crmkit.rest.described import object_of
from crmkit.rest.errors import BodyError
from crmkit.rest.openapi.operations import Operation
from crmkit.rest.replies import Reply, json_reply
from crmkit.rest.resources.addresses import record_door

__all__ = ["DOORS"]

_CHUNK = 1 << 16


class Upload(msgspec.Struct, forbid_unknown_fields=True):
    """What the file is called; one in a form has a name of its own."""

    name: str | None = None


def upload(call: Call) -> Reply:
    """Keep the body, or the file in a form, and return its id."""
    asked = call.read_query(Upload)
    name, chunks = _sent(call)
    content = call.crm.contents.keep(asked.name or name or "file", chunks)

    def work(db: Writer) -> Reply:
        kept = note_file(db, content, "upload", content.type)
        shown = {"id": kept.id, "name": kept.name, "size": kept.size, "expires_at": kept.at + KEPT}
        return json_reply(shown, 201)

    return call.write(work)


def _sent(call: Call) -> tuple[str | None, Iterator[bytes]]:
    """Return what the file is called, if that is said, and what is in it."""
    if call.form is None:
        assert call.file is not None
        return None, iter(partial(call.file.read, _CHUNK), b"")
    parts = call.form.parts
    if [part.name for part in parts] != ["file"]:
        raise BodyError(_("the form has one part, which is called 'file'"))
    return parts[0].filename, parts[0].chunks()


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
    form={**object_of(file={"type": "string", "format": "binary"}), "additionalProperties": False},
    answers={201: _KEPT},
)

_DOOR = record_door("upload", "POST", f"{ROOT}/uploads", upload, _UPLOAD)
DOORS = (attrs.evolve(_DOOR, takes_file=True, takes_form=True),)
