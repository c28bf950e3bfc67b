"""Indexes of custom fields that are missing once tables were changed, and that no worker is told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmkit.core.custom_fields.indexing import bring_indexes_up_to_date
from crmkit.core.registry import CORE

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["index_custom_fields"]


def index_custom_fields(crm: CRM, *, altered: bool) -> None:
    """Make the indexes of custom fields in code; where SQLite has *altered* tables, which makes them anew, of all."""
    fields = (field for info in crm.registry.entities.values() for field in info.custom.values())
    if not any(field.owner != CORE for field in fields) and not (altered and crm.storage.is_sqlite):
        return
    if sa.inspect(crm.storage.engine).has_table("core_custom_field"):
        crm.refresh()
        bring_indexes_up_to_date(crm.model)
