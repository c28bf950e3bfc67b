"""Approving and rejecting."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from crmkit.core.approving.approvers import Approver
from crmkit.core.approving.entities import ApprovalRequest, ApprovalVote
from crmkit.core.approving.holding import hold_record, move_between, standing_of
from crmkit.core.approving.standing import Status, status_of, votes_on
from crmkit.core.errors import CrmkitError, ForbiddenError, NotFoundError
from crmkit.core.text import gettext as _
from crmkit.core.writing.changes import creation

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["NotPendingError", "approve", "reject"]


class NotPendingError(CrmkitError):
    """A request was decided about that waits for no decision any more."""

    code = "approval-not-pending"
    template = _("Approval {reference!r} is not pending: {status}.")

    def __init__(self, request: UUID, status: str) -> None:
        """Name the *request* and how it stands."""
        super().__init__(reference=str(request), status=status)


def approve(db: Writer, request: UUID, *, note: str | None = None) -> Status:
    """Approve of *request* and return how it stands then: ``pending`` while others must approve too, or ``approved``.

    Raises:
        NotFoundError: there is no such request about a record that the principal sees.
        ForbiddenError: the principal may not approve it; nobody approves what they have requested or own.
        NotPendingError: it is void, expired, rejected or used.
        ConflictError: the principal has voted already.
    """
    return _vote(db, request, "approve", note)


def reject(db: Writer, request: UUID, *, note: str | None = None) -> Status:
    """Reject *request*, which ends it, and return ``rejected``; who may approve may reject, also what is approved.

    Raises:
        NotFoundError, ForbiddenError, NotPendingError, ConflictError: as for :func:`approve`.
    """
    return _vote(db, request, "reject", note)


def _vote(db: Writer, id_: UUID, verdict: str, note: str | None) -> Status:
    known = db.trusted.get_many(ApprovalRequest, [id_]).get(id_)
    info = db.model.registry.entities.get(known.record.entity) if known else None
    if known is None or info is None:
        raise NotFoundError("core.approval", id_)
    try:
        held = hold_record(db, info, known.record.id)
    except NotFoundError:
        raise NotFoundError("core.approval", id_) from None
    # Read again: what was written before the record was held is seen now.
    request = db.trusted.get(ApprovalRequest, id_)
    version = held.stored["pipeline_version"]
    move = move_between(db.model.registry, request.pipeline, version, request.source, request.target)
    approval = move.approval if move else None
    if approval is None:
        raise NotPendingError(id_, "void")
    record = db.trusted.get(info.cls, request.record.id)
    if not Approver(db.trusted, db.access).may_decide(approval, record, request.created_by):
        raise ForbiddenError("core.approval", "approve", id_)
    status = status_of(request, votes_on(db.trusted, [request])[id_], approval, standing_of(db, held), db.now)
    if status not in ("pending", "approved"):
        raise NotPendingError(id_, status)
    assert db.access.user_id is not None
    vote = ApprovalVote(approval_id=id_, user_id=db.access.user_id, verdict=verdict, note=note)
    db.take(creation(vote, trusted=True))
    return status_of(request, votes_on(db.trusted, [request])[id_], approval, standing_of(db, held), db.now)
