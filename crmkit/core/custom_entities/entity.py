"""The entity in which administrators define entities."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from crmkit.core.entity import Record, entity, field
from crmkit.core.fields import Json, Text
from crmkit.core.text import gettext as _

__all__ = ["CustomEntity"]


@entity("core.custom_entity", label=_("Custom entity"), unique=[("slug",)])
class CustomEntity(Record):
    """An entity that was made at run time, ``custom.<slug>``, with a table of its own.

    Its records have a name; all other fields are custom fields of it. With *owned* they have an owner and a team, with
    *number_prefix* a human number. *follows* is an entity that a record may belong to: it is then visible only to
    those who see that record. *stages* make a pipeline of it. Deleting it parks its records: they stay in their table
    until the entity is restored or purged.
    """

    slug: str = field(Text(max=30), label=_("Slug"))
    label: str = field(Text(max=200), label=_("Label"))
    labels: Any = field(Json(), factory=dict, label=_("Labels in other languages"))
    owned: bool = field(default=False, label=_("Owned"))
    number_prefix: str | None = field(Text(max=10), default=None, label=_("Prefix of numbers"))
    follows: str | None = field(Text(max=80), default=None, label=_("Follows"))
    stages: Any | None = field(Json(), default=None, label=_("Stages"))
    purged_at: datetime | None = field(init=False, label=_("Purged at"))
