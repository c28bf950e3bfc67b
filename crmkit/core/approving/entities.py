"""What is kept of approvals, and of who leads whom: entities behind the same wall as all others."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from crmkit.core.entity import Record, any_ref, entity, field, ref
from crmkit.core.fields import Choice, LongText, Target, Text
from crmkit.core.text import gettext as _

__all__ = ["APPROVING", "ApprovalRequest", "ApprovalVote", "ReportingLine", "TeamLead"]


@entity("core.team_lead", label=_("Team lead"), unique=[("team_id", "user_id")])
class TeamLead(Record):
    """Lets a user lead a team; a team may have several leads."""

    team_id: UUID = ref("core.team", on_delete="cascade", label=_("Team"))
    user_id: UUID = ref("core.user", on_delete="cascade", on_leave="end", label=_("User"))


@entity("core.reporting_line", label=_("Reporting line"), unique=[("user_id",)])
class ReportingLine(Record):
    """Says who is the manager of a user."""

    user_id: UUID = ref("core.user", on_delete="cascade", on_leave="end", label=_("User"))
    manager_id: UUID = ref("core.user", on_delete="cascade", on_leave="end", label=_("Manager"))


@entity("core.approval", label=_("Approval"))
class ApprovalRequest(Record):
    """Asks that a record may move from one stage to another; *digest* is over the values that are approved."""

    record: Target = any_ref(label=_("Record"))
    pipeline: str = field(Text(max=64), label=_("Pipeline"))
    source: str = field(Text(max=64), label=_("From stage"))
    target: str = field(Text(max=64), label=_("To stage"))
    digest: str = field(Text(max=64), label=_("Digest"))
    note: str | None = field(LongText(max=2000), default=None, label=_("Note"))
    expires_at: datetime | None = field(default=None, label=_("Expires at"))
    used_at: datetime | None = field(default=None, label=_("Used at"))


@entity("core.approval_vote", label=_("Vote on an approval"), unique=[("approval_id", "user_id")])
class ApprovalVote(Record):
    """What one person says to a request."""

    approval_id: UUID = ref("core.approval", follows=True, on_delete="cascade", label=_("Approval"))
    user_id: UUID = ref("core.user", on_delete="cascade", label=_("User"))
    verdict: str = field(Choice(["approve", "reject"]), label=_("Verdict"))
    note: str | None = field(LongText(max=2000), default=None, label=_("Note"))


APPROVING = (TeamLead, ReportingLine, ApprovalRequest, ApprovalVote)
