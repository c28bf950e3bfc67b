"""Which records people may do something with, kept in the database while a change is tried, and compared there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.entity import EntityInfo
from crmkit.core.fields import Target
from crmkit.core.model import Model
from crmkit.core.policy.access import Access
from crmkit.core.policy.visibility import Visibility
from crmkit.core.storage.columns import Id

__all__ = ["Snapshots"]

_ASKER = -1


class Snapshots:
    """A temporary table of who could do what before the change; it goes when the transaction is rolled back."""

    def __init__(self, model: Model, connection: Connection, examples: int) -> None:
        """Make the table; of each difference *examples* are named."""
        self._model, self._connection, self._examples = model, connection, examples
        self._kept = sa.Table(
            "crmkit_simulated",
            sa.MetaData(),
            sa.Column("who", sa.Integer(), primary_key=True, autoincrement=False),
            sa.Column("entity", sa.String(80), primary_key=True),
            sa.Column("verb", sa.String(20), primary_key=True),
            sa.Column("id", Id(), primary_key=True),
            prefixes=["TEMPORARY"],
            postgresql_on_commit="DROP",
        )
        self._kept.create(connection)

    def keep_asker(self, access: Access, info: EntityInfo) -> None:
        """Keep which records of *info* the asker sees: no others are counted."""
        self._keep(_ASKER, info, "read", self._allowed(access, info, "read"))

    def keep(self, who: int, access: Access, info: EntityInfo, verb: str) -> None:
        """Keep on which records of *info* that the asker sees *access* allows *verb*."""
        self._keep(who, info, verb, self._within(info, self._allowed(access, info, verb)))

    def _keep(self, who: int, info: EntityInfo, verb: str, allowed: sa.Select[Any]) -> None:
        marks = (sa.literal(who, sa.Integer()), sa.literal(info.id, sa.String()), sa.literal(verb, sa.String()))
        rows = allowed.with_only_columns(*marks, *allowed.selected_columns)
        self._connection.execute(sa.insert(self._kept).from_select(["who", "entity", "verb", "id"], rows))

    def gained(self, who: int, access: Access, info: EntityInfo, verb: str) -> tuple[int, tuple[Target, ...]]:
        """Return how many records *access* allows now and did not when they were kept, and some of them."""
        now = self._within(info, self._allowed(access, info, verb))
        return self._counted(info, sa.except_(now, self._of(who, info, verb)))

    def lost(self, who: int, access: Access | None, info: EntityInfo, verb: str) -> tuple[int, tuple[Target, ...]]:
        """Return how many records were kept that *access* does not allow now, and some of them."""
        kept = self._of(who, info, verb)
        gone = kept if access is None else sa.except_(kept, self._allowed(access, info, verb))
        return self._counted(info, gone)

    def _of(self, who: int, info: EntityInfo, verb: str) -> sa.Select[Any]:
        kept = self._kept.c
        return sa.select(kept.id).where(kept.who == who, kept.entity == info.id, kept.verb == verb)

    def _within(self, info: EntityInfo, allowed: sa.Select[Any]) -> sa.Select[Any]:
        return allowed.where(self._model.schema.table(info).c.id.in_(self._of(_ASKER, info, "read")))

    def _allowed(self, access: Access, info: EntityInfo, verb: str) -> sa.Select[Any]:
        visibility = Visibility(access.registry, self._model.schema, access, self._model.moment(access))
        table = self._model.schema.table(info)
        verbs: Sequence[str] = ("read",) if verb == "read" else ("read", verb)
        conditions = [visibility.predicate(info, table.c, each) for each in verbs]
        return sa.select(table.c.id).where(table.c.deleted_at.is_(None), *conditions)

    def _counted(self, info: EntityInfo, difference: sa.Select[Any] | sa.CompoundSelect[Any]) -> tuple[int, Any]:
        found = difference.subquery()
        number = self._connection.scalar(sa.select(sa.func.count()).select_from(found)) or 0
        if not number:
            return 0, ()
        some = sa.select(found.c.id).order_by(found.c.id).limit(self._examples)
        ids: list[UUID] = list(self._connection.scalars(some))
        return number, tuple(Target(info.id, id_) for id_ in ids)
