"""From the rows of ``core.custom_field`` to fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.custom_fields.types import field_type
from crmkit.core.definitions import Definitions
from crmkit.core.entity import FieldInfo
from crmkit.core.fields import Refused
from crmkit.core.registry import CORE, CUSTOM, Claim
from crmkit.core.representing.plain import from_plain
from crmkit.core.storage.schema import Schema
from crmkit.core.text import LabelledText, Text

__all__ = ["CUSTOM_FIELDS", "field_of"]


def field_of(values: Mapping[str, Any]) -> FieldInfo:
    """Return the field that *values* of a ``core.custom_field`` define.

    Raises:
        Refused: its options or its default make no sense.
    """
    kind = field_type(values["type"], values["options"])
    default = from_plain(kind, values["default"])
    return FieldInfo(
        name=f"custom.{values['key']}",
        type=kind,
        entity=values["entity"],
        owner=CORE,
        nullable=not values["required"],
        label=LabelledText(values["label"], values["labels"]),
        help=Text(values["help"] or ""),
        init=True,
        has_default=default is not None,
        default=lambda: default,
        search=values["search"],
        indexed=values["indexed"],
        personal=values["personal"],
        purpose=values["purpose"],
        slot=values["slot"],
        former=tuple(values["former"] or ()),
    )


def _read(connection: Connection, schema: Schema) -> Iterable[Claim]:
    table = schema.tables["core_custom_field"]
    alive = sa.select(table).where(table.c.deleted_at.is_(None))
    rows = connection.execute(alive.order_by(table.c.entity, table.c.position, table.c.id)).mappings()
    removed = _removed(connection, schema)
    for row in rows.all():
        if row["entity"] in removed:
            continue  # It comes back with its entity.
        try:
            yield Claim(CORE, field_of(dict(row)))
        except Refused:
            # Written past crmkit, or by a version that knew more types: values stay, the field is not there.
            continue


def _removed(connection: Connection, schema: Schema) -> set[str]:
    """Return the entities that were removed, but not those that a plugin has taken over."""
    entities, owner = schema.tables["core_custom_entity"], schema.system.entity_owner
    gone = connection.scalars(sa.select(entities.c.slug).where(entities.c.deleted_at.is_not(None)))
    return {f"{CUSTOM}.{slug}" for slug in gone} - set(connection.scalars(sa.select(owner.c.entity)))


CUSTOM_FIELDS = Definitions(frozenset({"core.custom_field"}), _read)
