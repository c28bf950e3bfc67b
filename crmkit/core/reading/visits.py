"""Visits to stages, as far as somebody may know them: how long records stood where, and who moved them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql import ColumnElement

from crmkit.core.entity import EntityInfo
from crmkit.core.errors import UnknownFieldError
from crmkit.core.fields import Column
from crmkit.core.policy.rule_sources import VisibleSource
from crmkit.core.policy.visibility import Visibility
from crmkit.core.rules.check import CheckedRule
from crmkit.core.rules.portable import Portable
from crmkit.core.rules.sql import compile_rule
from crmkit.core.storage.codecs import id_decoder, slot_decoder

__all__ = ["Visit", "read_visits", "visit_columns", "visit_row", "visits_relation"]

_MOMENT = Column("", "datetime")
# The field that tells what a column holds.
_TOLD_BY = {
    "pipeline": "pipeline",
    "pipeline_version": "pipeline_version",
    "stage": "stage",
    "entered_at": "stage_entered_at",
    "left_at": "stage_entered_at",
}


class _EpochSecond(Portable):
    """The whole seconds between 1970 and a moment, to calculate with on every database."""

    type = sa.BigInteger()
    sqlite = "CAST(strftime('%s', {0}) AS INTEGER)"
    postgresql = "CAST(FLOOR(EXTRACT(EPOCH FROM {0})) AS BIGINT)"


@attrs.frozen
class Visit:
    """One stay of a record in a stage; the last one has not ended. What the reader may not know is ``None``.

    Of one record, a later visit has a higher *id*.
    """

    id: int
    stage: str
    pipeline: str | None
    pipeline_version: int | None
    entered_at: datetime | None
    entered_by: UUID | None
    left_at: datetime | None
    left_by: UUID | None


def read_visits(
    connection: Connection,
    visibility: Visibility,
    info: EntityInfo,
    record: UUID,
    *,
    limit: int | None,
    after: int,
) -> list[Visit]:
    """Return up to *limit* visits of one visible *record* behind the one with the id *after*, oldest first.

    Raises:
        UnknownFieldError: the stage of *info* does not exist, or is hidden.
    """
    visit = visibility.schema.system.stage_visit
    columns = visit_columns(visibility, info)
    asked = sa.select(*(columns[each.name].label(each.name) for each in attrs.fields(Visit) if each.name in columns))
    mine = asked.where(visit.c.entity == info.id, visit.c.record_id == record, visit.c.id > after)
    ordered = mine.order_by(visit.c.id).limit(limit)
    nothing = dict.fromkeys(each.name for each in attrs.fields(Visit))
    return [Visit(**{**nothing, **row}) for row in connection.execute(ordered).mappings()]


def visits_relation(visibility: Visibility, info: EntityInfo, where: CheckedRule | None = None) -> sa.Subquery:
    """Return the safe relation of the visits of all visible records, or of those for which *where* holds.

    It has their ``record_id`` and what may be known.

    To calculate with, ``entered_epoch`` and ``left_epoch`` are the moments in whole seconds since 1970. ``id`` tells
    the visits of a record in the order in which they were written.

    Raises:
        UnknownFieldError: the stage of *info* does not exist, or is hidden.
    """
    visit = visibility.schema.system.stage_visit
    told = visit_columns(visibility, info)
    columns = [column.label(name) for name, column in told.items()]
    ends = [end for end in ("entered", "left") if f"{end}_at" in told]
    columns += [_EpochSecond(told[f"{end}_at"]).label(f"{end}_epoch") for end in ends]
    visible = visit.c.record_id.in_(_visible_ids(visibility, info, where))
    return sa.select(visit.c.record_id, *columns).where(visit.c.entity == info.id, visible).subquery()


def _visible_ids(visibility: Visibility, info: EntityInfo, where: CheckedRule | None) -> sa.Select[Any]:
    if where is None:
        return visibility.visible_ids(info.id)
    table = visibility.schema.alias(info)
    holds = compile_rule(where, VisibleSource(visibility, info, table.c), visibility.moment)
    return sa.select(table.c.id).where(visibility.shown(info, table.c), holds)


def visit_columns(visibility: Visibility, info: EntityInfo) -> dict[str, ColumnElement[Any]]:
    """Return the columns of a visit that may be known, by name.

    Raises:
        UnknownFieldError: the stage of *info* does not exist, or is hidden.
    """
    readable = visibility.access.entity(info).readable
    if not info.pipelined or "stage" not in readable:
        raise UnknownFieldError(info.id, "stage")
    visit = visibility.schema.system.stage_visit
    told: dict[str, ColumnElement[Any]] = {name: visit.c[name] for name, field in _TOLD_BY.items() if field in readable}
    return {"id": visit.c.id, **told} | {
        name: _visible_user(visibility, visit.c[name]) for name in ("entered_by", "left_by")
    }


def visit_row(names: Sequence[str], dialect: str) -> Callable[[Sequence[Any]], Visit]:
    """Return what makes a visit of the driver's row of the columns *names*."""
    decoders = [(name, _decoder(name, dialect)) for name in names]
    nothing: dict[str, Any] = dict.fromkeys(each.name for each in attrs.fields(Visit))

    def decode(row: Sequence[Any]) -> Visit:
        told = {name: None if cell is None else known(cell) for (name, known), cell in zip(decoders, row, strict=False)}
        return Visit(**nothing | told)

    return decode


def _decoder(name: str, dialect: str) -> Callable[[Any], Any]:
    if name in ("entered_by", "left_by"):
        return id_decoder(dialect)
    return (slot_decoder(_MOMENT, dialect) if name in ("entered_at", "left_at") else None) or _same


def _same(value: Any) -> Any:
    return value


def _visible_user(visibility: Visibility, user: ColumnElement[Any]) -> ColumnElement[Any]:
    if visibility.access.is_system:
        return user
    return sa.case((user.in_(visibility.visible_ids("core.user")), user))
