"""The entity in which administrators define fields."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from crmkit.core.custom_fields.types import TYPES
from crmkit.core.entity import Record, entity, field
from crmkit.core.fields import Choice, Integer, Json, LongText, Text
from crmkit.core.text import gettext as _

__all__ = ["CustomField"]


@entity("core.custom_field", label=_("Custom field"), unique=[("entity", "key")])
class CustomField(Record):
    """A field that was added to *entity* at run time; rules and lists call it ``custom.<key>``.

    *type* is one of :data:`crmkit.core.custom_fields.types.TYPES`, *options* say more about it. *labels* are labels in
    other languages than that of *label*. Deleting it parks the values: they stay where they are, under *slot*, until
    the field is restored or purged.
    """

    entity: str = field(Text(max=80), label=_("Entity"))
    key: str = field(Text(max=41), label=_("Key"))
    type: str = field(Choice(list(TYPES)), label=_("Type"))
    label: str = field(Text(max=200), label=_("Label"))
    labels: Any = field(Json(), factory=dict, label=_("Labels in other languages"))
    help: str | None = field(LongText(max=2_000), default=None, label=_("Help"))
    options: Any = field(Json(), factory=dict, label=_("Options"))
    required: bool = field(default=False, label=_("Required"))
    default: Any | None = field(Json(), default=None, label=_("Default"))
    indexed: bool = field(default=False, label=_("Indexed"))
    search: bool = field(default=False, label=_("Searched"))
    personal: bool = field(default=False, label=_("Personal data"))
    purpose: str | None = field(Text(max=200), default=None, label=_("Purpose"))
    position: int = field(Integer(min=0, max=1_000_000), default=0, label=_("Position"))
    slot: str = field(Text(max=60), init=False, label=_("Slot"))
    former: Any | None = field(Json(), init=False, label=_("Former slots"))
    purged_at: datetime | None = field(init=False, label=_("Purged at"))
