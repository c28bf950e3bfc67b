"""By what users are known, as they and administrators see it. What is secret is in tables that no door reads."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from crmkit.core.entity import Record, entity, field, ref
from crmkit.core.fields import Text
from crmkit.core.text import gettext as _

__all__ = ["SIGNING_IN", "Token"]


@entity("core.token", label=_("API token"))
class Token(Record):
    """Lets a program act as a user, within *scopes* that are separated by spaces, until it expires or is ended.

    *prefix* is how the token begins, so that people know it again; the rest of it is known to its holder alone.
    """

    user_id: UUID = ref("core.user", on_delete="cascade", label=_("User"))
    name: str = field(Text(max=200), label=_("Name"))
    prefix: str = field(Text(max=20), label=_("Begins with"))
    scopes: str = field(Text(max=2000), label=_("Scopes"))
    expires_at: datetime = field(label=_("Expires at"))
    ended_at: datetime | None = field(default=None, label=_("Ended at"))


SIGNING_IN = (Token,)
