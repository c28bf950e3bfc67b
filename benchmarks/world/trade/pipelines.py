"""One pipeline of five stages."""

from __future__ import annotations

from crmkit import Move, Pipeline, Rule, Stage, translator

__all__ = ["PIPELINES"]

_ = translator(__package__)

_WORTHWHILE = Rule.parse("amount >= 100")
DEALS = Pipeline(
    "trade.default",
    "trade.deal",
    _("Sales"),
    stages=[
        Stage("prospecting", _("Prospecting"), probability=10),
        Stage("engaging", _("Engaging"), probability=30),
        Stage("proposal", _("Proposal"), probability=60, required=["amount"]),
        Stage("won", _("Won"), "won", probability=100, required=["amount"]),
        Stage("lost", _("Lost"), "lost"),
    ],
    moves=[
        Move("prospecting", "engaging"),
        Move("engaging", "prospecting"),
        # Guarded both ways, so that the same deal can go to and fro.
        Move("engaging", "proposal", guards=[_WORTHWHILE]),
        Move("proposal", "engaging", guards=[_WORTHWHILE]),
        Move("proposal", "won"),
        Move("*", "lost"),
    ],
)
PIPELINES = [DEALS]
