"""Telling people that a webhook was switched off."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from crmkit import Target, User, WorkContext, translate, translator
from crmkit.plugins.workspace import services as workspace

from ..entities import Endpoint
from ..events import EndpointDisabled

__all__ = ["tell_of_disabled"]

_ = translator(__package__.rpartition(".")[0])

_NOTE = _("The webhook “{name}” was switched off: {reason}")


def tell_of_disabled(context: WorkContext, event: EndpointDisabled) -> None:
    """Notify whoever made the webhook, and the user as whom it acts, each in their language."""
    with context.finish() as db:
        endpoint = db.get_many(Endpoint, [event.record_id]).get(event.record_id)
        if endpoint is None or endpoint.off_reason is None:
            return
        users = _concerned(endpoint)
        people = db.get_many(User, users)
        for user, theirs in db.readers_of(users):
            note = translate(_NOTE, people[user].locale).format(name=endpoint.name, reason=endpoint.off_reason)
            # Who does not see the webhook would not see what is about it either.
            regarding = Target.of(endpoint) if theirs.get_many(Endpoint, [endpoint.id]) else None
            workspace.notify(db, user, "message", regarding=regarding, note=note[:2000])


def _concerned(endpoint: Endpoint) -> Iterable[UUID]:
    return dict.fromkeys(user for user in (endpoint.created_by, endpoint.acts_as_id) if user is not None)
