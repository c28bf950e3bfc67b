"""What nobody writes as they like, whatever they are granted."""

from __future__ import annotations

__all__ = ["CREDENTIALS", "KEPT_BY_CRMKIT"]

#: By what somebody is known: it ends with its user, also where whoever ends the user does not see it.
CREDENTIALS = frozenset({"core.token", "core.session", "core.passkey", "core.identity"})

#: Written by crmkit's own steps alone, which check what a single write cannot: that somebody may approve, that a
#: version goes on with what the one before has begun, that a credential is made for who holds it.
KEPT_BY_CRMKIT = CREDENTIALS | {
    "core.approval",
    "core.approval_vote",
    "core.pipeline_version",
    "core.automation_run",
    "core.local_edit",
}
