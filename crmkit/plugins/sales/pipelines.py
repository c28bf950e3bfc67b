"""The stages of leads and deals, the moves between them, and what a move demands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from crmkit import EntryTask, Guard, Move, Pipeline, Rule, Stage, translator

__all__ = ["DEALS", "LEADS", "PIPELINES"]

_ = translator(__package__)

# Whoever may undo what is already in the books.
_REOPENERS = ("sales.manager", "sales.admin", "core.administrator")


def _says_why_lost(reader: Any, deal: Any) -> bool:
    return deal.lost_reason is not None


def _says_why_disqualified(reader: Any, lead: Any) -> bool:
    return lead.disqualified_reason is not None


# The reason is asked of the move, not of the stage: deals that other systems lost long ago may come without one.
LOST_REASON = Guard("sales.lost_reason", _("There is a reason for losing it"), _says_why_lost, needs=["lost_reason"])
DISQUALIFIED_REASON = Guard(
    "sales.disqualified_reason",
    _("There is a reason for disqualifying it"),
    _says_why_disqualified,
    needs=["disqualified_reason"],
)

DEALS = Pipeline(
    "sales.default",
    "sales.deal",
    _("Sales"),
    stages=[
        Stage("prospecting", _("Prospecting"), probability=10, expected=timedelta(days=30)),
        Stage("engaging", _("Engaging"), probability=30, expected=timedelta(days=45)),
        Stage(
            "proposal",
            _("Proposal"),
            probability=60,
            required=["company_id", "amount"],
            tasks=[EntryTask(_("Send the proposal"), timedelta(days=3))],
            expected=timedelta(days=21),
        ),
        Stage("won", _("Won"), "won", probability=100, required=["company_id", "amount", "closed_on"]),
        Stage("lost", _("Lost"), "lost", probability=0, required=["closed_on"]),
    ],
    moves=[
        Move("prospecting", "engaging"),
        Move("prospecting", "lost", guards=[LOST_REASON.id]),
        Move("engaging", "prospecting"),
        Move("engaging", "proposal", guards=[Rule.parse("amount > 0")]),
        Move("engaging", "won"),
        Move("engaging", "lost", guards=[LOST_REASON.id]),
        Move("proposal", "engaging"),
        Move("proposal", "won"),
        Move("proposal", "lost", guards=[LOST_REASON.id]),
        Move("lost", "engaging"),
        Move("won", "engaging", roles=_REOPENERS),
    ],
)

LEADS = Pipeline(
    "sales.leads",
    "sales.lead",
    _("Leads"),
    stages=[
        Stage("new", _("New"), probability=10, expected=timedelta(days=2)),
        Stage("qualified", _("Qualified"), probability=40, expected=timedelta(days=14)),
        Stage("converted", _("Converted"), "won", probability=100, required=["deal_id"]),
        Stage("disqualified", _("Disqualified"), "lost", probability=0),
    ],
    moves=[
        Move("new", "qualified"),
        Move("new", "converted"),
        Move("new", "disqualified", guards=[DISQUALIFIED_REASON.id]),
        Move("qualified", "new"),
        Move("qualified", "converted"),
        Move("qualified", "disqualified", guards=[DISQUALIFIED_REASON.id]),
        Move("disqualified", "new"),
    ],
)

PIPELINES = (DEALS, LEADS, LOST_REASON, DISQUALIFIED_REASON)
