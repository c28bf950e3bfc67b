"""Ending what somebody is known by: from then on nobody acts with it."""

from __future__ import annotations

from uuid import UUID

from crmkit.core.entity import entity_info
from crmkit.core.errors import ForbiddenError, InapplicableVerbError
from crmkit.core.signing_in.entities import SignInSession, Token
from crmkit.core.text import gettext as _
from crmkit.core.writing.changes import Write
from crmkit.core.writing.writer import Writer

__all__ = ["end"]


def end(db: Writer, entity: type[Token] | type[SignInSession], id_: UUID) -> None:
    """End the token or session of *entity* with this id.

    Raises:
        NotFoundError: the principal sees none.
        ForbiddenError: the principal may not end it.
        InapplicableVerbError: it has ended already.
    """
    info = entity_info(entity)
    found: Token | SignInSession = db.get(entity, id_)
    if not db.allowed_ids(info, "update", [id_]):
        raise ForbiddenError(info.id, "update", id_)
    if found.ended_at is not None:
        raise InapplicableVerbError(info.id, "end", _("it is ended already"))
    db.take(Write("update", info, id_, {"ended_at": db.now}, version=found.version, trusted=True))
