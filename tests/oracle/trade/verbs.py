"""What may be called by its name: a question about a deal, and a change of a firm."""

from __future__ import annotations

from typing import Any

import attrs

from crmkit import Verb, translator
from tests.oracle.trade.entities import Deal, Firm, Line

__all__ = ["VERBS"]

_ = translator("tests.oracle.trade")


@attrs.frozen
class OfDeal:
    """Which deal is meant."""

    deal: Deal


@attrs.frozen
class Renaming:
    """What a firm is called from now on."""

    firm: Firm
    name: str


def _lines(db: Any, deal: Deal) -> list[Line]:
    found: list[Line] = db.find(Line, Line.f.deal_id == deal.id)
    return found


def _rename(db: Any, firm: Firm, name: str) -> Firm:
    renamed: Firm = db.update(firm, name=name)
    return renamed


VERBS = (
    Verb("trade.lines", _("List the lines of a deal"), _lines, "trade.deal", OfDeal, answer=list[Line], writes=False),
    Verb("trade.rename", _("Rename a firm"), _rename, "trade.firm", Renaming, answer=Firm),
)
