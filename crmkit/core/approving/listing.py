"""Requests as their readers may know them: those of one record, and those that wait for somebody's decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from crmkit.core.approving.approvers import Approver
from crmkit.core.approving.entities import ApprovalRequest
from crmkit.core.approving.holding import move_between
from crmkit.core.approving.standing import ApprovalState, Standing, protected, requests_for, status_of, votes_on
from crmkit.core.entity import EntityInfo, Record, entity_info
from crmkit.core.errors import UnknownFieldError
from crmkit.core.fields import Target
from crmkit.core.pipelines import Approval
from crmkit.core.policy.people import User

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader

__all__ = ["approvals", "approvals_to_give"]


def approvals(db: Reader, record: Record) -> list[ApprovalState]:
    """Return the requests for moves of *record*, oldest first.

    Raises:
        NotFoundError: the record is not visible.
        UnknownFieldError: in which stage it stands is hidden.
    """
    info = entity_info(type(record))
    db.get(type(record), record.id)
    if not _sees_stages(db, info):
        raise UnknownFieldError(info.id, "stage")
    return [state for state, _approval in _states(db, info, requests_for(db.trusted, Target(info.id, record.id)))]


def approvals_to_give(db: Reader) -> list[ApprovalState]:
    """Return the requests that wait for a decision of the reader's principal, oldest first.

    The number of statements grows with the entities that have open requests, not with the requests.
    """
    requests = db.trusted.find(ApprovalRequest, ApprovalRequest.f.used_at == None, order_by="created_at")  # noqa: E711
    found: list[ApprovalState] = []
    for entity in dict.fromkeys(request.record.entity for request in requests):
        info = db.model.registry.entities.get(entity)
        if info is not None and _sees_stages(db, info):
            found += _to_give(db, info, [request for request in requests if request.record.entity == entity])
    return sorted(found, key=lambda state: (state.requested_at, state.id))


def _to_give(db: Reader, info: EntityInfo, requests: Sequence[ApprovalRequest]) -> list[ApprovalState]:
    seen = db.allowed_ids(info, "read", list({request.record.id for request in requests}))
    visible = [request for request in requests if request.record.id in seen]
    votes, requested_by = votes_on(db.trusted, visible), {request.id: request.created_by for request in visible}
    records, approver = db.trusted.get_many(info.cls, seen), Approver(db.trusted, db.access)
    return [
        state
        for state, approval in _states(db, info, visible)
        if state.status == "pending"
        and db.access.user_id not in {vote.user_id for vote in votes[state.id]}
        and approver.may_decide(approval, records[state.record.id], requested_by[state.id])
    ]


def _sees_stages(db: Reader, info: EntityInfo) -> bool:
    return {"pipeline", "stage"} <= db.access.entity(info).readable


def _states(db: Reader, info: EntityInfo, requests: Sequence[ApprovalRequest]) -> list[tuple[ApprovalState, Approval]]:
    """Return how *requests* for records of one entity stand, in a constant number of statements."""
    votes = votes_on(db.trusted, requests)
    ids = list({request.record.id for request in requests})
    records = db.trusted.get_many(info.cls, ids)
    sides = db.model.store.read_extensions(db.connection, info, ids)
    people = _visible_people(db, {r.created_by for r in requests if r.created_by})
    found: list[tuple[ApprovalState, Approval]] = []
    for request in requests:
        record, side = records.get(request.record.id), sides[request.record.id]
        if record is None:
            continue
        version = record.pipeline_version
        move = move_between(db.model.registry, request.pipeline, version, request.source, request.target)
        approval = (move and move.approval) or Approval(roles=["-"])
        standing = Standing(
            record.pipeline,
            record.stage,
            getattr(record, "owner_id", None),
            protected(db.model, info.id, partial(_value, record, side)),
        )
        mine = votes[request.id]
        status = status_of(request, mine, approval, standing, db.moment.now)
        state = ApprovalState(
            id=request.id,
            record=request.record,
            source=request.source,
            target=request.target,
            status="void" if move is None and status in ("pending", "approved") else status,
            needed=approval.needed,
            approved=sum(vote.verdict == "approve" for vote in mine),
            requested_by=request.created_by if request.created_by in people else None,
            requested_at=request.created_at,
            expires_at=request.expires_at,
            note=request.note,
        )
        found.append((state, approval))
    return found


def _value(record: Any, side: Mapping[str, Any], name: str) -> Any:
    return side.get(name) if "." in name else getattr(record, name)


def _visible_people(db: Reader, users: set[UUID]) -> set[UUID]:
    return db.allowed_ids(entity_info(User), "read", list(users)) | {u for u in users if u == db.access.user_id}
