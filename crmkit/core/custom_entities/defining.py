"""From the rows of ``core.custom_entity`` to entities and pipelines."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.custom_entities.making import claims_of
from crmkit.core.definitions import Definitions
from crmkit.core.errors import CrmkitError
from crmkit.core.fields import Refused
from crmkit.core.registry import CUSTOM, Claim
from crmkit.core.storage.schema import Schema

__all__ = ["CUSTOM_ENTITIES"]


def _read(connection: Connection, schema: Schema) -> Iterable[Claim]:
    table = schema.tables["core_custom_entity"]
    rows = connection.execute(sa.select(table).where(table.c.deleted_at.is_(None)).order_by(table.c.id)).mappings()
    for row in rows.all():
        try:
            yield from [Claim(CUSTOM, declared) for declared in claims_of(dict(row))]
        except (Refused, CrmkitError):
            # Written past crmkit: its table stays, the entity is not there.
            continue


CUSTOM_ENTITIES = Definitions(frozenset({"core.custom_entity"}), _read)
