"""Records that go on: into another stage or pipeline, and to another owner."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

from crmkit.core.text import gettext as _
from crmkit.core.writing.writer import Writer
from crmkit.rest.calls import Call
from crmkit.rest.openapi.operations import Operation
from crmkit.rest.replies import Reply
from crmkit.rest.resources.addresses import RECORD, record_door, record_reply, seen_record

__all__ = ["DOORS", "Move", "Transfer"]


class Move(msgspec.Struct, forbid_unknown_fields=True):
    """Into which *stage* a record goes, perhaps of another *pipeline*; *reason* is one that the stage declares."""

    stage: str
    pipeline: str | None = None
    reason: str | None = None
    note: str | None = None


class Transfer(msgspec.Struct, forbid_unknown_fields=True):
    """To whom a record goes; *keep* lets who had it read or change it further on."""

    owner_id: UUID | None
    team_id: UUID | None = None
    with_related: bool = False
    keep: Literal["read", "write"] | None = None


def move_record(call: Call) -> Reply:
    """Move a record to a stage and return it."""
    asked = call.read(Move)

    def work(db: Writer) -> Reply:
        info, record = seen_record(db, call)
        if asked.pipeline is None:
            moved = db.move(record, asked.stage, reason=asked.reason, note=asked.note)
        else:
            moved = db.change_pipeline(record, asked.pipeline, asked.stage)
        return record_reply(db, info, moved)

    return call.write(work)


def transfer_record(call: Call) -> Reply:
    """Give a record to another owner and return it."""
    asked = call.read(Transfer)

    def work(db: Writer) -> Reply:
        info, record = seen_record(db, call)
        given = db.transfer(
            record, asked.owner_id, team=asked.team_id, with_related=asked.with_related, keep=asked.keep
        )
        return record_reply(db, info, given)

    return call.write(work)


_MOVE = Operation(
    summary=_("Move a record to another stage"),
    body=Move,
    answers={200: "record"},
    verb="move",
    applies=lambda _registry, info: info.pipelined,
    sees="optional",
)
_TRANSFER = Operation(
    summary=_("Give a record to somebody else"),
    body=Transfer,
    answers={200: "record"},
    verb="transfer",
    applies=lambda _registry, info: info.owned,
    sees="optional",
)

DOORS = (
    record_door("move", "POST", f"{RECORD}/move", move_record, _MOVE),
    record_door("transfer", "POST", f"{RECORD}/transfer", transfer_record, _TRANSFER),
)
