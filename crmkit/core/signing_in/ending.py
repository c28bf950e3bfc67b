"""Credentials end with their user: with the account, and when it is deactivated. They do not come back with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crmkit.core.signing_in.entities import Token
from crmkit.core.writing.changes import Write

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["credentials_that_end"]


def credentials_that_end(writer: Writer, writes: Sequence[Write]) -> list[Write]:
    """Return the writes that end what the users whom *writes* deactivate are known by; deletions take it along."""
    users = [w.record_id for w in writes if w.entity.id == "core.user" and _deactivates(w)]
    if not users:
        return []
    info = writer.model.registry.entity(Token)
    open_ = writer.trusted.find(Token, Token.f.user_id.in_(users) & (Token.f.ended_at == None))  # noqa: E711
    return [Write("update", info, token.id, {"ended_at": writer.now}, trusted=True, depth=1) for token in open_]


def _deactivates(write: Write) -> bool:
    return write.kind == "update" and write.changes("is_active") and not write.values["is_active"]
