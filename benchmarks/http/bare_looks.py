"""What the bare endpoint tells of many deals: sums, a funnel, and what a word finds."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from benchmarks.handwritten.reading import Hand, grouped
from benchmarks.handwritten.searching import finding
from benchmarks.http.bare_deals import Deals, euros

__all__ = ["WORD", "Looks"]

#: The word that is looked for.
WORD = "zeppelin"
_STAGES = (
    ("prospecting", "Prospecting", "open", 10),
    ("engaging", "Engaging", "open", 30),
    ("proposal", "Proposal", "open", 60),
    ("won", "Won", "won", 100),
    ("lost", "Lost", "lost", 0),
)


class Looks:
    """Endpoints that run in threads."""

    def __init__(self, hand: Hand, deals: Deals) -> None:
        """Write the statements."""
        eyes = hand.scoped(hand.world.people.salesperson, shared=True)
        self._deals, self._found = deals, finding(hand, eyes, WORD)
        self._sums = grouped(hand, eyes, by="stage", measures={"amount": "amount_base"})
        unpriced = "CASE WHEN amount_base IS NULL THEN 1 ELSE 0 END"
        self._lanes = grouped(hand, eyes, by="stage", measures={"amount": "amount_base", "unpriced": unpriced})

    def sums(self, _request: Request) -> JSONResponse:
        """Return how many deals stand in each stage, and their amounts."""
        items = [
            {"group": {"stage": row.stage}, "measures": {"count": int(row.n), "sum.amount": euros(row.amount)}}
            for row in sorted(self._sums())
        ]
        return JSONResponse({"items": items, "currency": "EUR"})

    def funnel(self, _request: Request) -> JSONResponse:
        """Return the same as lanes of the pipeline."""
        rows = {row.stage: row for row in self._lanes()}
        lanes = [
            {
                "slug": slug,
                "label": label,
                "kind": kind,
                "probability": probability,
                "count": int(rows[slug].n),
                "amount": euros(rows[slug].amount),
                "unpriced": int(rows[slug].unpriced),
                "overdue": None,
                "is_retired": False,
            }
            for slug, label, kind, probability in _STAGES
        ]
        whole = {"pipeline": "trade.default", "version": 1, "currency": "EUR", "at": None}
        return JSONResponse({**whole, "lanes": lanes, "count": sum(lane["count"] for lane in lanes)})

    def search(self, _request: Request) -> JSONResponse:
        """Return the deals that have the word in their names, the best first."""
        items = [self._hit(record) for record in self._deals.told(self._found())]
        return JSONResponse({"items": items, "next": None})

    def _hit(self, record: dict[str, Any]) -> dict[str, Any]:
        title = record["name"]
        start = title.lower().index(WORD)
        return {
            "entity": "trade.deal",
            "href": f"/api/v1/trade/deals/{record['id']}",
            "title": title,
            "rank": 0 if len(title) == len(WORD) else 1 if start == 0 else 2,
            "snippet": {"field": "name", "text": title, "marks": [[start, start + len(WORD)]]},
            "record": record,
        }
