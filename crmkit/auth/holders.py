"""For whom somebody may make what a user is known by.

For themselves people may where a grant says so. For somebody else, as whom they could act then, they must be
administrators. With a token nobody makes more of what they could act with once it is ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from crmkit.core.entity import Record, entity_info
from crmkit.core.errors import ForbiddenError, NotFoundError
from crmkit.core.policy.people import User

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["check_may_make_for", "check_may_set_for"]


def check_may_make_for(db: Writer, kind: type[Record], user: UUID | None) -> UUID:
    """Return the user for whom the principal makes a credential of this *kind*: *user*, or themselves.

    Raises:
        NotFoundError: there is no such user, or one that is not active.
        ForbiddenError: the principal may not.
    """
    info, access = entity_info(kind), db.access
    holder = user or access.user_id
    if access.scopes is not None or not access.entity(info).scope("create"):
        raise ForbiddenError(info.id, "create", holder)
    if holder is None or not getattr(db.get(User, holder), "is_active", True):
        raise NotFoundError("core.user", holder)
    if holder != access.user_id and not access.is_administrator:
        raise ForbiddenError(info.id, "create", holder)
    return holder


def check_may_set_for(db: Writer, user: UUID) -> User:
    """Return the active *user* whose password the principal may set: an administrator, or the system.

    Raises:
        NotFoundError: the principal sees no such user, or one that is not active.
        ForbiddenError: the principal is no administrator.
    """
    db.get(User, user)
    if db.access.scopes is not None or not db.access.is_administrator:
        raise ForbiddenError("core.user", "update", user)
    holder = db.trusted.get(User, user)
    if not holder.is_active:
        raise NotFoundError("core.user", user)
    return holder
