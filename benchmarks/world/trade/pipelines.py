"""One pipeline of five stages."""

from __future__ import annotations

from crmkit import Move, Pipeline, Stage, translator

__all__ = ["PIPELINES"]

_ = translator(__package__)

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
        Move("engaging", "proposal"),
        Move("proposal", "won"),
        Move("*", "lost"),
    ],
)
PIPELINES = [DEALS]
