"""Who may approve what."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

from crmkit.core.approving.entities import ReportingLine, TeamLead
from crmkit.core.entity import entity_info
from crmkit.core.pipelines import Approval
from crmkit.core.policy.access import Access
from crmkit.core.policy.people import Team, User
from crmkit.core.text import Text, gettext as _

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader

__all__ = ["Approver", "told_approvers"]


class Approver:
    """One principal as somebody who approves; what is asked of the database is asked once, for however many records."""

    def __init__(self, trusted: Reader, access: Access) -> None:
        """Look things up with *trusted* when they are first needed."""
        self._trusted, self._access = trusted, access

    def may_decide(self, approval: Approval, record: Any, requested_by: UUID | None) -> bool:
        """Return whether the principal may decide about a move of *record*, a trusted reader's, that needs *approval*.

        Nobody decides about what they own or have *requested*.
        """
        owner, me = getattr(record, "owner_id", None), self._access.user_id
        if me is None or me in (requested_by, owner) or not self._access.covers(entity_info(type(record)).id, "move"):
            return False
        return bool(
            self._access.role_names.intersection(approval.roles)
            or (approval.users and self._email in approval.users)
            or (approval.manager and owner in self._reports)
            or (approval.team_lead and self._leads(getattr(record, "team_id", None)))
        )

    @cached_property
    def _email(self) -> str | None:
        me: Any = self._access.user_id
        return self._trusted.get(User, me).email

    @cached_property
    def _reports(self) -> frozenset[UUID]:
        mine = self._trusted.find(ReportingLine, ReportingLine.f.manager_id == self._access.user_id)
        return frozenset(line.user_id for line in mine)

    @cached_property
    def _leads_of(self) -> dict[UUID, set[UUID]]:
        found: dict[UUID, set[UUID]] = {}
        for lead in self._trusted.find(TeamLead):
            found.setdefault(lead.team_id, set()).add(lead.user_id)
        return found

    @cached_property
    def _parents(self) -> dict[UUID, UUID | None]:
        return {team.id: team.parent_id for team in self._trusted.find(Team)}

    def _leads(self, team: UUID | None) -> bool:
        """Return whether the principal leads *team*, or the next one above it that has a lead."""
        passed = set[UUID]()
        while team is not None and team not in passed:
            if leads := self._leads_of.get(team):
                return self._access.user_id in leads
            passed.add(team)
            team = self._parents.get(team)
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
