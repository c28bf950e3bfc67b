"""Whether the visits to stages tell where each record stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.entity import EntityInfo
from crmkit.core.registry import Registry
from crmkit.core.storage.schema import Schema
from crmkit.core.text import Text, gettext as _
from crmkit.core.verifying.findings import Finding

if TYPE_CHECKING:
    from sqlalchemy import Select

__all__ = ["examine_visits"]

_MOST = 100
_MEND = _("Compare with crmkit history {row} and set the visit or the stage right in the database.")


def examine_visits(connection: Connection, schema: Schema, registry: Registry) -> Iterator[Finding]:
    """Yield the records whose open visit is not to the stage in which they stand, and visits that do not join."""
    for info in registry.entities.values():
        if info.pipelined:
            for statement, message in _questions(info, schema):
                for (record,) in connection.execute(statement.limit(_MOST)):
                    yield Finding("visits", info.table, str(record), message, _MEND)


def _questions(info: EntityInfo, schema: Schema) -> Iterator[tuple[Select[Any], Text]]:
    table, visit = schema.table(info), schema.system.stage_visit
    mine = visit.c.entity == info.id
    is_open = sa.and_(mine, visit.c.record_id == table.c.id, visit.c.left_at.is_(None))
    here = [visit.c[name] == table.c[name] for name in ("pipeline", "pipeline_version", "stage")]
    agrees = sa.exists().where(is_open, *here, visit.c.entered_at == table.c.stage_entered_at)
    yield sa.select(table.c.id).where(~agrees), _("no open visit says where it stands and since when")

    stays = sa.select(visit.c.record_id).where(mine, visit.c.left_at.is_(None)).group_by(visit.c.record_id)
    yield stays.having(sa.func.count() > 1), _("several visits are open")

    entered = sa.func.lead(visit.c.entered_at).over(partition_by=visit.c.record_id, order_by=visit.c.id)
    steps = sa.select(visit.c.record_id, visit.c.left_at, entered.label("next")).where(mine).subquery()
    parted = sa.or_(steps.c.left_at.is_(None), steps.c.left_at != steps.c.next)
    joined = sa.select(steps.c.record_id).where(steps.c.next.is_not(None), parted).distinct()
    yield joined, _("a visit ends at another time than the next one begins")

    known = sa.exists().where(table.c.id == visit.c.record_id)
    yield (
        sa.select(visit.c.record_id).where(mine, ~known).distinct(),
        _("visits are kept of a record that is not there"),
    )
