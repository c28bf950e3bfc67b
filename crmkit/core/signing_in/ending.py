"""Credentials end with their user: with the account, and when it is deactivated. They do not come back with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crmkit.core.signing_in.entities import SignInSession, Token
from crmkit.core.writing.changes import Write

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["credentials_that_end", "endings", "forget_secrets", "forget_tickets"]


def credentials_that_end(writer: Writer, writes: Sequence[Write]) -> list[Write]:
    """Return the writes that end the tokens and sessions of the users whom *writes* deactivate.

    Deletions of users take what they are known by along.
    """
    users = [w.record_id for w in writes if _is_of_user(w) and _deactivates(w)]
    return [*endings(writer, SignInSession, users), *endings(writer, Token, users)] if users else []


def endings(writer: Writer, kind: type[SignInSession | Token], users: Sequence[UUID]) -> Iterable[Write]:
    """Yield the writes that end every session, or every token, of *users*."""
    info = writer.model.registry.entity(kind)
    for each in writer.trusted.find(kind, kind.f.user_id.in_(users) & (kind.f.ended_at == None)):  # noqa: E711
        yield Write("update", info, each.id, {"ended_at": writer.now}, trusted=True, depth=1)


def forget_secrets(writer: Writer, written: Sequence[Write]) -> None:
    """Delete what proves who the users are that were deleted, and what tickets were given to those deactivated."""
    gone = [w.record_id for w in written if _is_of_user(w) and w.kind == "delete"]
    if gone:
        tables = writer.model.schema.system
        for table in (tables.password, tables.totp, tables.recovery_code):
            writer.connection.execute(sa.delete(table).where(table.c.user_id.in_(gone)))
    forget_tickets(writer, [*gone, *(w.record_id for w in written if _is_of_user(w) and _deactivates(w))])


def forget_tickets(writer: Writer, users: Sequence[UUID]) -> None:
    """Let nobody use a ticket that was made for one of *users*: links that set a password, and what is under way."""
    if users:
        table = writer.model.schema.system.ticket
        writer.connection.execute(sa.delete(table).where(table.c.user_id.in_(users)))


def _is_of_user(write: Write) -> bool:
    return write.entity.id == "core.user"


def _deactivates(write: Write) -> bool:
    return write.kind == "update" and write.changes("is_active") and not write.values["is_active"]
