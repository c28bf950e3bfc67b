"""With whom a record is shared, as far as the reader may know."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.fields import Target
from crmkit.core.policy.visibility import Visibility

__all__ = ["SharedWith", "read_shares"]


@attrs.frozen
class SharedWith:
    """A user, or a team, with whom a record is shared by the share *id*; until *ends_at*, if there is an end."""

    id: UUID
    user_id: UUID | None
    team_id: UUID | None
    level: str
    ends_at: datetime | None


def read_shares(
    connection: Connection,
    visibility: Visibility,
    record: Target,
    *,
    every: bool,
    limit: int | None = None,
    after: UUID | None = None,
) -> list[SharedWith]:
    """Return the shares of *record* that count now, oldest first: *every* one, or those with the reader.

    Users and teams that the reader does not see are left out. Of those behind the share *after*, there are up to
    *limit*.
    """
    share = visibility.schema.tables["core_share"]
    known = [] if every else [sa.or_(*_mine(share, visibility))]
    if after is not None:
        known.append(share.c.id > after)
    statement = sa.select(share.c.id, share.c.user_id, share.c.team_id, share.c.level, share.c.ends_at).where(
        share.c.record_entity == record.entity,
        share.c.record_id == record.id,
        visibility.counts_now(share),
        sa.or_(share.c.user_id == visibility.access.user_id, *_seen(share, visibility)),
        *known,
    )
    return [SharedWith(*row) for row in connection.execute(statement.order_by(share.c.id).limit(limit))]


def _mine(share: sa.Table, visibility: Visibility) -> Iterator[sa.ColumnElement[bool]]:
    yield share.c.user_id == visibility.access.user_id
    yield share.c.team_id.in_(visibility.access.teams)


def _seen(share: sa.Table, visibility: Visibility) -> Iterator[sa.ColumnElement[Any]]:
    yield share.c.user_id.in_(visibility.visible_ids("core.user"))
    yield share.c.team_id.in_(visibility.visible_ids("core.team"))
