"""With whom a record is shared."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import attrs
import msgspec

from crmkit.core.reading.lists import as_id
from crmkit.core.reading.ordering import CursorError
from crmkit.core.reading.shares import SharedWith
from crmkit.core.text import gettext as _
from crmkit.core.writing.sharing import is_shared
from crmkit.core.writing.writer import Writer
from crmkit.rest.calls import Call
from crmkit.rest.errors import NothingHereError
from crmkit.rest.openapi.operations import Follows, Operation
from crmkit.rest.pages import Page, page_reply
from crmkit.rest.replies import Reply, json_reply
from crmkit.rest.resources.addresses import RECORD, at_record, record_door, seen_record

__all__ = ["DOORS", "NewShare", "WithWhom"]

_SHARES = f"{RECORD}/shares"
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class NewShare(msgspec.Struct, forbid_unknown_fields=True):
    """A user or a team, what they may do, and until when."""

    user_id: UUID | None = None
    team_id: UUID | None = None
    level: Literal["read", "write"] = "read"
    ends_at: Moment | None = None


class Shared(msgspec.Struct):
    """With whom a record is shared: a user or a team, what they may do, and until when. *id* is that of the share."""

    id: UUID
    user_id: UUID | None
    team_id: UUID | None
    level: Literal["read", "write"]
    ends_at: Moment | None


class Shares(msgspec.Struct):
    """Those with whom a record is shared, as far as that may be known, and where the next page begins."""

    items: list[Shared]
    next: str | None


class WithWhom(msgspec.Struct, forbid_unknown_fields=True):
    """A user or a team."""

    user_id: UUID | None = None
    team_id: UUID | None = None


def list_shares(call: Call) -> Reply:
    """Return with whom a record is shared, as far as the principal may know it, page by page."""
    asked = call.read_query(Page)
    with call.reading() as db:
        _info, record = at_record(db, call)
        shares = db.shares(record, limit=asked.limit + 1, after=_share(asked.cursor))
        return page_reply(call, shares, asked, attrs.asdict, lambda share: share.id)


def _share(cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    id_ = as_id(cursor)
    if id_ is None:
        raise CursorError
    return id_


def share_record(call: Call) -> Reply:
    """Share a record and return how it is shared from now on."""
    asked = call.read(NewShare)

    def work(db: Writer) -> Reply:
        _info, record = seen_record(db, call)
        made = db.share(record, user=asked.user_id, team=asked.team_id, level=asked.level, until=asked.ends_at)
        shared = SharedWith(made.id, made.user_id, made.team_id, made.level, made.ends_at)
        return json_reply(attrs.asdict(shared), 201)

    return call.write(work)


def unshare_record(call: Call) -> Reply:
    """End what is shared of a record with somebody."""
    asked = call.read_query(WithWhom)

    def work(db: Writer) -> Reply:
        _info, record = seen_record(db, call)
        if not db.unshare(record, user=asked.user_id, team=asked.team_id):
            raise NothingHereError
        return Reply(204)

    return call.write(work)


_LIST = Operation(
    summary=_("List with whom a record is shared"), query=Page, answers={200: Shares}, verb="read", applies=is_shared
)
_SHARE = Operation(
    summary=_("Share a record"),
    body=NewShare,
    answers={201: Shared},
    verb="share",
    applies=is_shared,
    sees="optional",
)
_WITH_WHOM = {"user_id": "$response.body#/user_id", "team_id": "$response.body#/team_id"}
_UNSHARE = Operation(
    summary=_("End what is shared of a record"),
    query=WithWhom,
    answers={204: None},
    verb="share",
    applies=is_shared,
    sees="optional",
    follows=(Follows("share", 201, {"record": "$request.path.record", **_WITH_WHOM}),),
)

DOORS = (
    record_door("list shares", "GET", _SHARES, list_shares, _LIST),
    record_door("share", "POST", _SHARES, share_record, _SHARE),
    record_door("unshare", "DELETE", _SHARES, unshare_record, _UNSHARE),
)
