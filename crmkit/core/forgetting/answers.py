"""Forgetting what was answered to requests, once nobody may send them again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["KEPT", "forget_answers"]

#: For how long the answer to a request is kept, so that the request may be sent again.
KEPT = timedelta(hours=24)
_AT_ONCE = 1000


def forget_answers(open_writer: Callable[[], AbstractContextManager[Writer]], now: datetime) -> Iterator[int]:
    """Delete the answers that were kept long enough, some in each transaction, and yield how many those were."""
    while True:
        with open_writer() as writer:
            answer = writer.model.schema.system.answer
            old = sa.select(answer.c.at).where(answer.c.at < now - KEPT).order_by(answer.c.at).limit(_AT_ONCE)
            newest = writer.connection.scalar(sa.select(sa.func.max(old.subquery().c.at)))
            if newest is None:
                return
            gone = writer.connection.execute(sa.delete(answer).where(answer.c.at <= newest))
        yield gone.rowcount
