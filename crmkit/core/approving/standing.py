"""How a request stands: it is worked out from votes, time and the values of today, so that nothing can disagree."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import attrs
import msgspec

from crmkit.core.approving.entities import ApprovalRequest, ApprovalVote
from crmkit.core.fields import Target
from crmkit.core.ledger import encode_changes
from crmkit.core.pipelines import Approval

if TYPE_CHECKING:
    from crmkit.core.model import Model
    from crmkit.core.reading.reader import Reader

__all__ = ["ApprovalState", "Standing", "digest_of", "protected", "requests_for", "status_of", "votes_on"]

Status = Literal["pending", "approved", "rejected", "void", "expired", "used"]


@attrs.frozen
class ApprovalState:
    """One request as its reader may know it: people who are not visible are not named."""

    id: UUID
    record: Target
    source: str
    target: str
    status: Status
    needed: int
    approved: int
    requested_by: UUID | None
    requested_at: datetime
    expires_at: datetime | None
    note: str | None


@attrs.frozen
class Standing:
    """What decides about a request beside its votes: the record's stage and owner, and its values by name."""

    pipeline: str
    stage: str
    owner: UUID | None
    value: Callable[[str], Any]


def protected(model: Model, entity: str, value: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return *value* with tokens in place of what is encrypted of records of *entity*.

    From a digest of plain values somebody could find out by trying what they were.
    """
    encrypted, keys = model.registry.encrypted.get(entity, ()), model.schema.keys

    def told(name: str) -> Any:
        found = value(name)
        if found is None or name not in encrypted:
            return found
        return keys.tokens(f"core_approval_request\x1f{entity}\x1f{name}")(msgspec.to_builtins(found))

    return told if encrypted else value


def digest_of(request: UUID, names: Iterable[str], value: Callable[[str], Any]) -> str:
    """Return the digest of the values of *names*; two requests on the same values have different ones."""
    body = encode_changes({name: (None, value(name)) for name in sorted(names)})
    return hashlib.sha256(request.bytes + body).hexdigest()


def status_of(
    request: ApprovalRequest, votes: Sequence[ApprovalVote], approval: Approval, record: Standing, now: datetime
) -> Status:
    """Return how *request* stands. The vote of somebody who owns the record by now does not count."""
    if request.used_at is not None:
        return "used"
    if any(vote.verdict == "reject" for vote in votes):
        return "rejected"
    if request.expires_at is not None and request.expires_at <= now:
        return "expired"
    if (record.pipeline, record.stage) != (request.pipeline, request.source):
        return "void"
    if digest_of(request.id, approval.fields, record.value) != request.digest:
        return "void"
    approved = {vote.user_id for vote in votes} - {record.owner, request.created_by}
    return "approved" if len(approved) >= approval.needed else "pending"


def requests_for(trusted: Reader, target: Target) -> list[ApprovalRequest]:
    """Return the requests for one record, oldest first."""
    return trusted.find(ApprovalRequest, ApprovalRequest.f.record == target, order_by="created_at")


def votes_on(trusted: Reader, requests: Sequence[ApprovalRequest]) -> Mapping[UUID, list[ApprovalVote]]:
    """Return the votes on each of *requests*, in one statement."""
    found: dict[UUID, list[ApprovalVote]] = {request.id: [] for request in requests}
    if found:
        for vote in trusted.find(ApprovalVote, ApprovalVote.f.approval_id.in_(list(found))):
            found[vote.approval_id].append(vote)
    return found
