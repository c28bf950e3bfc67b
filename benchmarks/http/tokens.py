"""API tokens of the people of a world."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from benchmarks.world.opening import World
from benchmarks.world.people import Member
from crmkit.auth.tokens import make_token

__all__ = ["token_of"]


def token_of(world: World, member: Member) -> str:
    """Return a new token of *member* for everything, which holds for a day."""
    with world.crm.write(world.principal(member)) as db:
        expires_at = datetime.now(UTC) + timedelta(days=1)
        return make_token(db, "benchmark", scopes=["*:read", "*:write"], expires_at=expires_at).text
