"""The stages of leads and deals, the moves between them, and what a move demands."""

from __future__ import annotations

from datetime import timedelta

from crmkit import EntryTask, Move, Pipeline, Reason, Reasons, Rule, Stage, translator

__all__ = ["DEALS", "LEADS", "PIPELINES"]

_ = translator(__package__)

# Whoever may undo what is already in the books.
_REOPENERS = ("sales.manager", "sales.admin", "core.administrator")


# Asked of those who move a record there; what other systems lost long ago may come without one.
LOST = Reasons(
    "lost_reason",
    [
        Reason("price", _("Price")),
        Reason("competitor", _("Bought from a competitor")),
        Reason("no_budget", _("No budget")),
        Reason("no_need", _("No need")),
        Reason("no_fit", _("Our offer does not fit")),
        Reason("timing", _("Wrong time")),
        Reason("no_answer", _("No answer any more")),
        Reason("other", _("Other")),
    ],
)
DISQUALIFIED = Reasons(
    "disqualified_reason",
    [
        Reason("no_need", _("No need")),
        Reason("no_budget", _("No budget")),
        Reason("no_fit", _("Our offer does not fit")),
        Reason("unreachable", _("Cannot be reached")),
        Reason("duplicate", _("Known already")),
        Reason("spam", _("Spam")),
    ],
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
        Stage("lost", _("Lost"), "lost", probability=0, required=["closed_on"], reasons=LOST),
    ],
    moves=[
        Move("prospecting", "engaging"),
        Move("prospecting", "lost"),
        Move("engaging", "prospecting"),
        Move("engaging", "proposal", guards=[Rule.parse("amount > 0")]),
        Move("engaging", "won"),
        Move("engaging", "lost"),
        Move("proposal", "engaging"),
        Move("proposal", "won"),
        Move("proposal", "lost"),
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
        Stage("disqualified", _("Disqualified"), "lost", probability=0, reasons=DISQUALIFIED),
    ],
    moves=[
        Move("new", "qualified"),
        Move("new", "converted"),
        Move("new", "disqualified"),
        Move("qualified", "new"),
        Move("qualified", "converted"),
        Move("qualified", "disqualified"),
        Move("disqualified", "new"),
    ],
)

PIPELINES = (DEALS, LEADS)
