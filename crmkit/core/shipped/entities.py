"""The entity that keeps what administrators make of what plugins ship."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from crmkit.core.entity import Record, entity, field
from crmkit.core.fields import File, Json, Text
from crmkit.core.text import gettext as _

__all__ = ["LocalEdit"]


@entity("core.local_edit", label=_("Local edit"), unique=[("kind", "thing")])
class LocalEdit(Record):
    """What was made here of something that a plugin ships.

    *base* is how it was shipped when it was last edited, *local* how it is wanted here. What is in effect follows from
    both and from what is shipped today; deleting the record goes back to what is shipped. Of what is a record here,
    that record is the local form, which *record_id* names where its own name does not; an empty *base* says that it was
    not shipped.
    """

    kind: str = field(Text(max=64), default="role", label=_("Kind"))
    thing: str = field(Text(max=80), label=_("Id"))
    base: Any = field(Json(), label=_("Shipped form"))
    local: Any = field(Json(), label=_("Local form"))
    record_id: UUID | None = field(File(), default=None, label=_("Record"))
    base_version: str | None = field(Text(max=40), default=None, label=_("Version of the plugin"))
