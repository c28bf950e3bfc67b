"""Asking for an approval."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from crmkit.core.approving.entities import ApprovalRequest
from crmkit.core.approving.holding import hold_record, move_between, standing_of
from crmkit.core.approving.standing import digest_of, protected, requests_for, status_of, votes_on
from crmkit.core.entity import Record, entity_info
from crmkit.core.errors import CrmkitError
from crmkit.core.fields import Target
from crmkit.core.ids import new_id
from crmkit.core.text import gettext as _
from crmkit.core.writing.authorise import refuse_forbidden
from crmkit.core.writing.changes import Write, creation

if TYPE_CHECKING:
    from crmkit.core.pipelines import Approval
    from crmkit.core.writing.writer import Writer

__all__ = ["NoApprovalNeededError", "request_approval"]


class NoApprovalNeededError(CrmkitError):
    """An approval was requested for a move that asks for none, or that does not exist."""

    code = "no-approval-needed"
    template = _("{entity}: no move of {reference!r} to {stage!r} needs an approval.")

    def __init__(self, entity: str, reference: object, stage: str) -> None:
        """Name the record and the *stage*."""
        super().__init__(entity=entity, reference=str(reference), stage=stage)


def request_approval(db: Writer, record: Record, stage: str, *, note: str | None = None) -> UUID:
    """Ask that *record*, as it is now, may move to *stage*, and return the id of the request.

    A request for the same move of the same values that is open already is returned instead.

    Raises:
        NotFoundError: the record is not visible.
        ForbiddenError: the principal may not move it.
        NoApprovalNeededError: its pipeline has no such move, or the move asks for no approval.
    """
    info = entity_info(type(record))
    held = hold_record(db, info, record.id)
    refuse_forbidden(db, [held])
    stands = (held.stored["pipeline"], held.stored["pipeline_version"], held.stored["stage"])
    move = move_between(db.model.registry, *stands, stage)
    if move is None or move.approval is None:
        raise NoApprovalNeededError(info.id, record.id, stage)
    open_already = _open_request(db, held, move.approval, stage)
    return open_already or _made(db, held, move.approval, stage, note)


def _open_request(db: Writer, held: Write, approval: Approval, stage: str) -> UUID | None:
    requests = [r for r in requests_for(db.trusted, Target(held.entity.id, held.record_id)) if r.target == stage]
    votes = votes_on(db.trusted, requests)
    for request in requests:
        if status_of(request, votes[request.id], approval, standing_of(db, held), db.now) in ("pending", "approved"):
            return request.id
    return None


def _made(db: Writer, held: Write, approval: Approval, stage: str, note: str | None) -> UUID:
    id_ = new_id()
    request = ApprovalRequest(
        id=id_,
        record=Target(held.entity.id, held.record_id),
        pipeline=held.stored["pipeline"],
        source=held.stored["stage"],
        target=stage,
        digest=digest_of(id_, approval.fields, protected(db.model, held.entity.id, held.get)),
        note=note,
        expires_at=db.now + approval.expires if approval.expires else None,
    )
    db.take(creation(request, trusted=True))
    return id_
