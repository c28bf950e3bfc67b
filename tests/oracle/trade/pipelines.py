"""The pipeline of deals: a required field, a guard that is a rule, a guard that is a function, and a role."""

from __future__ import annotations

from typing import Any

from crmkit import Guard, Move, Pipeline, Rule, Stage, translator

_ = translator("tests.oracle.trade")


def _has_lines(db: Any, deal: Any) -> bool:
    from tests.oracle.trade.entities import Line

    return bool(db.count(Line, Line.f.deal_id == deal.id))


HAS_LINES = Guard("trade.has_lines", _("has lines"), _has_lines)

FLOW = Pipeline(
    "trade.flow",
    "trade.deal",
    _("Flow"),
    stages=[
        Stage("new", _("New")),
        Stage("active", _("Active"), required=["size"]),
        Stage("won", _("Won"), kind="won"),
        Stage("lost", _("Lost"), kind="lost"),
    ],
    moves=[
        Move("new", "active"),
        Move("active", "won", guards=[Rule.parse("worth != null")]),
        Move("*", "lost", roles=["trade.auditor"]),
        Move("lost", "new", guards=["trade.has_lines"]),
    ],
)
