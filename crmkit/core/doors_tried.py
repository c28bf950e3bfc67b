"""What is kept of attempts to pass the wall: in the log, and in a table that outlives the transaction they were in."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.errors import CrmkitError
from crmkit.core.policy.principal import Principal
from crmkit.core.side_doors import Attempt
from crmkit.core.storage.engines import Storage
from crmkit.core.storage.schema import Schema

__all__ = ["Attempts", "attempts", "keep_tried"]

_log = logging.getLogger(__name__)


@attrs.frozen
class Attempts:
    """How often a *module* tried a *door*, and when it did last."""

    module: str
    door: str
    number: int
    last: datetime


def keep_tried(
    storage: Storage, schema: Schema, now: datetime, principal: Principal, cause: str, tried: Sequence[Attempt]
) -> None:
    """Keep what was *tried* for *principal*, in a transaction of its own; if that fails, the log has it alone."""
    about = {"at": now, "principal_id": principal.user_id, "cause": cause[:200]}
    rows = [{**about, "module": each.module[:200], "door": each.door} for each in tried]
    try:
        with storage.writing() as connection:
            connection.execute(sa.insert(schema.system.side_door), rows)
    except (CrmkitError, sa.exc.DBAPIError) as error:
        _log.error("could not keep that %s was tried", tried, exc_info=error)


def attempts(connection: Connection, schema: Schema) -> list[Attempts]:
    """Return what was tried so far, the newest first."""
    c = schema.system.side_door.c
    last = sa.func.max(c.at, type_=c.at.type)
    counted = sa.select(c.module, c.door, sa.func.count(), last).group_by(c.module, c.door).order_by(last.desc())
    return [Attempts(*row) for row in connection.execute(counted)]
