"""Forgetting files that were on their way, a day after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmkit.core.passing.files import KEPT

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["forget_passing_files"]

_AT_ONCE = 1000


def forget_passing_files(open_writer: Callable[[], AbstractContextManager[Writer]], now: datetime) -> Iterator[int]:
    """Delete the rows of files that nobody gets any more, some in each transaction, and yield how many those were.

    Their content goes when content that no row names is swept.
    """
    while True:
        with open_writer() as writer:
            file = writer.model.schema.system.passing_file
            old = sa.select(file.c.id).where(file.c.at < now - KEPT).order_by(file.c.at).limit(_AT_ONCE)
            gone = writer.connection.execute(sa.delete(file).where(file.c.id.in_(old))).rowcount
        if not gone:
            return
        yield gone
