"""Contacts at the bare endpoint."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from benchmarks.handwritten.reading import LIMIT, Hand

__all__ = ["Contacts"]

_SHARED = (
    "SELECT record_id FROM core_share"
    " WHERE record_entity = 'customers.contact' AND user_id = :me AND deleted_at IS NULL"
)
_IDS = ("id", "created_by", "owner_id", "team_id", "company_id")
_MOMENTS = ("created_at", "updated_at", "deleted_at")


class Contacts:
    """The endpoint of contacts, which runs in threads."""

    def __init__(self, hand: Hand) -> None:
        """Write the statement: the salesperson sees her own contacts, those of her team, and what is shared."""
        member, self._hand = hand.world.people.salesperson, hand
        self._columns = [column.name for column in hand.world.crm.schema.tables["customers_contact"].columns]
        others = "owner_id IS NOT :me" if hand.is_sqlite else "owner_id IS DISTINCT FROM :me"
        elsewhere = "team_id IS NOT :team" if hand.is_sqlite else "team_id IS DISTINCT FROM :team"
        branches = (
            "owner_id = :me",
            f"team_id = :team AND {others}",
            f"id IN ({_SHARED}) AND {others} AND {elsewhere}",
        )
        start = f"SELECT {', '.join(self._columns)} FROM customers_contact WHERE deleted_at IS NULL AND "
        parts = [start + branch for branch in branches]
        if not hand.is_sqlite:
            parts = [f"({part} ORDER BY id DESC LIMIT {LIMIT})" for part in parts]
        merged = " UNION ALL ".join(parts)
        given = {"me": hand.id(member.id), "team": hand.id(member.team)}
        self._page = hand.run(f"{merged} ORDER BY id DESC LIMIT {LIMIT}", given)

    def page(self, _request: Request) -> JSONResponse:
        """Return the newest fifty contacts."""
        items = [self._told(row) for row in self._page()]
        return JSONResponse({"items": items, "next": items[-1]["id"]})

    def _told(self, row: Any) -> dict[str, Any]:
        hand, told = self._hand, dict(zip(self._columns, row, strict=True))
        for name in _IDS:
            if told[name] is not None:
                told[name] = str(hand.uuid(told[name]))
        for name in _MOMENTS:
            if told[name] is not None:
                told[name] = hand.read_moment(told[name]).isoformat().replace("+00:00", "Z")
        if isinstance(told["custom"], str):
            told["custom"] = json.loads(told["custom"])
        return told
