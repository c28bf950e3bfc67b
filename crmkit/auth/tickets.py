"""Tickets: what lets somebody do one thing, once, for a while. They are known by their digest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.auth.digests import digest_of, new_secret
from crmkit.auth.errors import TicketError

if TYPE_CHECKING:
    from crmkit.core.storage.schema import Schema

__all__ = ["Purpose", "Ticket", "issue", "redeem"]

Purpose = Literal["password", "passkey_made", "passkey_used", "provider"]


@attrs.frozen
class Ticket:
    """What a ticket was issued for: the user, where one is known, and what else the thing needs."""

    user_id: UUID | None
    details: Mapping[str, Any]


def issue(
    connection: Connection,
    schema: Schema,
    purpose: Purpose,
    now: datetime,
    life: timedelta,
    *,
    user: UUID | None = None,
    details: Mapping[str, Any] | None = None,
) -> str:
    """Issue a ticket and return its text, which is known to nobody else. Those that have expired are swept away."""
    table, text = schema.system.ticket, new_secret()
    connection.execute(sa.delete(table).where(table.c.expires_at <= now))
    row = {"purpose": purpose, "user_id": user, "details": dict(details or {}), "expires_at": now + life}
    connection.execute(sa.insert(table).values(digest=digest_of(text), **row))
    return text


def redeem(connection: Connection, schema: Schema, purpose: Purpose, text: str, now: datetime) -> Ticket:
    """Use up the ticket *text* and return what it was issued for. Of several at once, one gets it.

    Raises:
        TicketError: there is none for this *purpose*, or not any more.
    """
    table = schema.system.ticket
    mine = (table.c.digest == digest_of(text), table.c.purpose == purpose, table.c.expires_at > now)
    used = sa.delete(table).where(*mine).returning(table.c.user_id, table.c.details)
    row = connection.execute(used).one_or_none()
    if row is None:
        raise TicketError
    return Ticket(row.user_id, row.details)
