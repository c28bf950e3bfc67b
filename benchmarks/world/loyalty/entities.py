"""What loyalty adds to deals."""

from __future__ import annotations

from crmkit import Text, extension, field, translator

__all__ = ["Loyalty"]

_ = translator(__package__)


@extension(of="trade.deal", label=_("Loyalty"))
class Loyalty:
    """The tier and the score of a deal; both are indexed."""

    tier: str | None = field(Text(max=20), default=None, indexed=True, label=_("Tier"))
    score: int | None = field(default=None, indexed=True, label=_("Score"))
