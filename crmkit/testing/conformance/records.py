"""A record of each entity of a plugin, to see what becomes of it while tables change."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import sqlalchemy as sa

from crmkit.core.crm import CRM
from crmkit.core.writing.life import WriteRefusedError
from crmkit.testing.factories import Factory

__all__ = ["counted", "fill", "stored"]


def fill(crm: CRM, plugin: str) -> None:
    """Store a record of each entity that *plugin* declares, but for those that need more than fields to be accepted."""
    factory = Factory(crm)
    mine = {info.id for info in crm.registry.tables() if info.plugin == plugin}
    for entity in sorted(mine & crm.registry.entities.keys()):
        with suppress(WriteRefusedError):
            factory.make(crm.registry.entity(entity).cls)


def stored(crm: CRM, plugin: str) -> Mapping[str, list[tuple[Any, ...]]]:
    """Return the rows of each table of *plugin*, as the database has them."""
    with crm.storage.reading() as connection:
        tables = [table for table in crm.schema.metadata.tables.values() if table.info["owner"] == plugin]
        return {
            table.name: sorted((tuple(row) for row in connection.execute(sa.select(table))), key=repr)
            for table in tables
        }


def counted(crm: CRM, plugin: str) -> Mapping[str, int]:
    """Return how many rows each table of *plugin* has."""
    return {name: len(rows) for name, rows in stored(crm, plugin).items()}
