"""Who may approve what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from crmkit.core.approving.entities import ReportingLine, TeamLead
from crmkit.core.pipelines import Approval
from crmkit.core.policy.access import Access
from crmkit.core.policy.people import Team, User
from crmkit.core.text import Text, gettext as _

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader

__all__ = ["may_approve", "told_approvers"]


def may_approve(trusted: Reader, access: Access, approval: Approval, record: Any, requested_by: UUID | None) -> bool:
    """Return whether the principal of *access* may decide about a move of *record*, a trusted reader's."""
    owner = getattr(record, "owner_id", None)
    me = access.user_id
    if me is None or me in (requested_by, owner):
        return False
    if access.role_names.intersection(approval.roles):
        return True
    named = approval.users and trusted.count(User, (User.f.id == me) & User.f.email.in_(approval.users))
    return bool(
        named
        or (approval.manager and owner and _is_manager(trusted, me, owner))
        or (approval.team_lead and _leads(trusted, me, getattr(record, "team_id", None)))
    )


def _is_manager(trusted: Reader, me: UUID, owner: UUID) -> bool:
    return bool(trusted.count(ReportingLine, (ReportingLine.f.user_id == owner) & (ReportingLine.f.manager_id == me)))


def _leads(trusted: Reader, me: UUID, team: UUID | None) -> bool:
    """Return whether *me* leads *team*, or the next one above it that has a lead."""
    passed = set[UUID]()
    while team is not None and team not in passed:
        passed.add(team)
        leads = {lead.user_id for lead in trusted.find(TeamLead, TeamLead.f.team_id == team)}
        if leads:
            return me in leads
        found = trusted.get_many(Team, [team]).get(team)
        team = found.parent_id if found else None
    return False


def told_approvers(reader: Reader, approval: Approval) -> list[Text | str]:
    """Return who may approve, as far as the principal of *reader* may know: roles by label, users by name."""
    roles = reader.model.accesses.roles(reader.connection)
    told: list[Text | str] = [roles[name].label if name in roles else name for name in approval.roles]
    if approval.team_lead:
        told.append(_("the lead of its team"))
    if approval.manager:
        told.append(_("the manager of its owner"))
    return told + _told_users(reader, approval.users)


def _told_users(reader: Reader, users: Sequence[str]) -> list[Text | str]:
    if not users:
        return []
    seen = {"name", "email"} <= reader.readable_fields(User)
    visible = [user.name for user in reader.find(User, User.f.email.in_(users))] if seen else []
    hidden: list[Text | str] = [_("somebody you may not see")] if len(visible) < len(set(users)) else []
    return [*sorted(visible), *hidden]
