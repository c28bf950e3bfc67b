"""Whether a move has the approval that it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from crmkit.core.approving.entities import ApprovalRequest
from crmkit.core.approving.standing import Standing, protected, requests_for, status_of, votes_on
from crmkit.core.entity import entity_info
from crmkit.core.fields import Target
from crmkit.core.pipelines import Approval
from crmkit.core.writing.changes import Write

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["approval_is_needed", "approved_request", "use_approvals"]


def approval_is_needed(writer: Writer, write: Write, approval: Approval) -> bool:
    """Return whether *approval* concerns the record of *write* as it stands."""
    return approval.when is None or writer.matches_stored(write.entity, approval.when, write.record_id)


def approved_request(writer: Writer, write: Write, approval: Approval) -> UUID | None:
    """Return the request that allows the move *write*, with the values that it will have; ``None`` if none does."""
    requests = requests_for(writer.trusted, Target(write.entity.id, write.record_id))
    mine = [request for request in requests if request.target == write.values["stage"] and request.used_at is None]
    votes = votes_on(writer.trusted, mine)
    value = protected(writer.model, write.entity.id, write.get)
    record = Standing(write.stored["pipeline"], write.stored["stage"], write.get("owner_id"), value)
    for request in mine:
        if status_of(request, votes[request.id], approval, record, writer.now) == "approved":
            return request.id
    return None


def use_approvals(writer: Writer, writes: list[Write]) -> None:
    """Note that the requests which allowed the moves *writes* have been used: they allow no further one."""
    used = [write.details["approval"] for write in writes if "approval" in write.details]
    values: dict[str, Any] = {"used_at": writer.now}
    info = entity_info(ApprovalRequest)
    with writer.all_or_nothing():
        writer.take(*(Write("update", info, id_, dict(values), trusted=True) for id_ in used))
