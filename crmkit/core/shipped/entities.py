"""The entity that keeps what administrators make of shipped roles."""

from __future__ import annotations

from typing import Any

from crmkit.core.entity import Record, entity, field
from crmkit.core.fields import Choice, Json, Text
from crmkit.core.text import gettext as _

__all__ = ["LocalEdit"]


@entity("core.local_edit", label=_("Local edit"), unique=[("kind", "thing")])
class LocalEdit(Record):
    """What was made here of something that a plugin ships.

    *base* is how it was shipped when it was last edited, *local* how it is wanted here. What is in effect follows from
    both and from what is shipped today; deleting the record goes back to what is shipped.
    """

    kind: str = field(Choice(["role"]), default="role", label=_("Kind"))
    thing: str = field(Text(max=80), label=_("Id"))
    base: Any = field(Json(), label=_("Shipped form"))
    local: Any = field(Json(), label=_("Local form"))
    base_version: str | None = field(Text(max=40), default=None, label=_("Version of the plugin"))
