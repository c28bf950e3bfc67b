"""Visits: how long each record stood in each stage, kept for funnels, ageing and cycle times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.storage.columns import Id
from crmkit.core.storage.prepared import Insert, Prepared
from crmkit.core.storage.schema import Schema

__all__ = ["Visits"]


class Visits:
    """The statements that keep visits, shared by all writers of one CRM."""

    def __init__(self, schema: Schema, dialect: sa.Dialect) -> None:
        """Prepare them."""
        visit = schema.system.stage_visit
        values = {name: sa.bindparam(name, type_=visit.c[name].type, required=True) for name in ("left_at", "left_by")}
        visited = (
            visit.c.record_id == sa.bindparam("visited", type_=Id(), required=True),
            visit.c.entity == sa.bindparam("visited_entity", type_=visit.c.entity.type, required=True),
        )
        self._leave = Prepared(sa.update(visit).values(values).where(*visited, visit.c.left_at.is_(None)), dialect)
        self._enter = Insert(visit, dialect)

    def leave(self, connection: Connection, visits: Sequence[Mapping[str, Any]]) -> None:
        """End the open visit of each record ``visited`` of ``visited_entity``, with ``left_at`` and ``left_by``."""
        self._leave.run_rows(connection, [self._leave.parameters(visit) for visit in visits])

    def enter(self, connection: Connection, visits: Sequence[Mapping[str, Any]]) -> None:
        """Begin *visits*, each with every column but the id."""
        self._enter.insert(connection, visits)
