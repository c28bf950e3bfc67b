"""What administrators have made at run time: fields of deals, and an entity with fields of its own.

Its records are owned, and are visible only with the firm that they follow.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from crmkit.core.custom_entities.making import entity_class
from crmkit.core.storage.schema import Schema

__all__ = ["PROJECT", "rows", "tables"]

_PROJECT: dict[str, Any] = {
    "slug": "project", "label": "Project", "labels": {}, "owned": True, "number_prefix": None,
    "follows": "trade.firm", "stages": None,
}  # fmt: skip
#: The class of the entity; the same for the same definition.
PROJECT = entity_class(_PROJECT)

_FIELDS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("trade.deal", "weight", "integer", {}),
    ("trade.deal", "mood", "choice", {"choices": ["calm", "wild"]}),
    ("trade.deal", "backer_id", "reference", {"entity": "trade.firm", "on_delete": "clear"}),
    ("trade.deal", "project_id", "reference", {"entity": "custom.project", "on_delete": "clear"}),
    ("custom.project", "budget", "integer", {}),
    ("custom.project", "motto", "text", {}),
    ("custom.project", "deal_id", "reference", {"entity": "trade.deal", "on_delete": "clear"}),
]


def tables(schema: Schema) -> list[sa.Table]:
    """Return every table, those first that others refer to."""
    declared = schema.metadata.sorted_tables
    return [*declared, *(table for name, table in schema.tables.items() if name not in schema.metadata.tables)]


def rows(at: datetime) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the rows of what was made *at* some moment, each with the name of its table."""
    number = 0xF1E1D000
    yield "core_custom_entity", _record(number - 1, at) | _PROJECT
    for place, (entity, key, kind, options) in enumerate(_FIELDS):
        yield (
            "core_custom_field",
            _record(number + place, at)
            | {
                "entity": entity, "key": key, "type": kind, "label": key, "labels": {}, "help": None,
                "options": options, "required": False, "default": None, "indexed": False, "search": key == "motto",
                "personal": False, "purpose": None, "position": place, "slot": key, "former": None, "purged_at": None,
            },
        )  # fmt: skip


def _record(number: int, at: datetime) -> dict[str, Any]:
    return {
        "id": UUID(int=number), "version": 1, "created_at": at, "updated_at": at, "created_by": None,
        "deleted_at": None, "custom": {},
    }  # fmt: skip
