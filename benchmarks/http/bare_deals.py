"""Deals at the bare endpoint: read, listed, created and moved."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse

from benchmarks.handwritten.reading import Hand, Rows, best_of
from benchmarks.handwritten.writing import Desk, Offer

__all__ = ["Deals", "euros"]

_NEWEST = "id DESC"


class Deals:
    """Endpoints of deals, which run in threads."""

    def __init__(self, hand: Hand) -> None:
        """Write the statements."""
        member = hand.world.people.salesperson
        self._hand, self._eyes = hand, hand.scoped(member, shared=True)
        self._page = best_of((hand.page(self._eyes, _NEWEST), hand.gathered(self._eyes, _NEWEST, "1 = 1")))
        seen = f"SELECT {hand.columns()} FROM trade_deal WHERE id = :wanted AND deleted_at IS NULL"
        self._one = hand.run(f"{seen} AND {self._eyes.whole}", self._eyes.parameters)
        self._beside = hand.among("SELECT record_id, tier, score FROM loyalty_trade_deal WHERE record_id")
        self._desk = Desk(hand, member)
        self._columns = [column.name for column in hand.world.crm.schema.tables["trade_deal"].columns]

    def get(self, request: Request) -> JSONResponse:
        """Return one deal."""
        return self._answer(UUID(request.path_params["id"]))

    def page(self, _request: Request) -> JSONResponse:
        """Return the newest fifty deals."""
        items = self.told(self._page())
        return JSONResponse({"items": items, "next": items[-1]["id"]})

    async def create(self, request: Request) -> JSONResponse:
        """Create a deal and return it."""
        body = await request.json()
        return await anyio.to_thread.run_sync(self._create, body)

    def _create(self, body: Any) -> JSONResponse:
        cents = int(Decimal(body["amount"]["amount"]).scaleb(2))
        close = date.fromisoformat(body["expected_close_on"])
        offer = Offer(body["name"], UUID(body["company_id"]), cents, close, body["source"])
        return self._answer(self._desk.create(offer), 201)

    async def move(self, request: Request) -> JSONResponse:
        """Move a deal and return it."""
        body = await request.json()
        version = int(request.headers["if-match"].strip('"'))
        return await anyio.to_thread.run_sync(self._move, UUID(request.path_params["id"]), version, body["stage"])

    def _move(self, id_: UUID, version: int, stage: str) -> JSONResponse:
        self._desk.move(id_, version, stage)
        return self._answer(id_)

    def _answer(self, id_: UUID, status: int = 200) -> JSONResponse:
        rows = self._one(wanted=self._hand.id(id_))
        if not rows:
            return JSONResponse({}, 404)
        [told] = self.told(rows)
        return JSONResponse(told, status, {"etag": f'"{told["version"]}"'})

    def told(self, rows: Rows) -> list[dict[str, Any]]:
        """Return *rows*, and what is beside them, as crmkit tells them."""
        beside = self._beside_of([row.id for row in rows])
        return [self._told(row, beside.get(row.id)) for row in rows]

    def _beside_of(self, ids: list[Any]) -> dict[Any, Any]:
        """Return the rows of the plugin beside deals by their ids."""
        with self._hand.world.crm.storage.reading() as connection:
            return {row.record_id: row for row in self._beside(connection, ids)}

    def _told(self, row: Any, beside: Any) -> dict[str, Any]:
        hand, c = self._hand, dict(zip(self._columns, row, strict=False))

        def id_of(name: str) -> str | None:
            return None if c[name] is None else str(hand.uuid(c[name]))

        def moment(name: str) -> str | None:
            value = c[name]
            return None if value is None else hand.read_moment(value).isoformat().replace("+00:00", "Z")

        custom = c["custom"]
        return {
            "id": id_of("id"),
            "version": c["version"],
            "created_at": moment("created_at"),
            "updated_at": moment("updated_at"),
            "created_by": id_of("created_by"),
            "deleted_at": None,
            "custom": json.loads(custom) if isinstance(custom, str) else custom,
            "owner_id": id_of("owner_id"),
            "team_id": id_of("team_id"),
            "pipeline": c["pipeline"],
            "pipeline_version": c["pipeline_version"],
            "stage": c["stage"],
            "stage_kind": c["stage_kind"],
            "stage_entered_at": moment("stage_entered_at"),
            "number": c["number"],
            "name": c["name"],
            "company_id": id_of("company_id"),
            "amount": _money(c["amount_minor"], c["amount_currency"]),
            "expected_close_on": None if c["expected_close_on"] is None else str(c["expected_close_on"]),
            "source": c["source"],
            "description": c["description"],
            "loyalty": {"tier": beside and beside.tier, "score": beside and beside.score},
        }


def _money(minor: int | None, currency: str | None) -> dict[str, Any] | None:
    return None if minor is None else {"amount": euros(minor), "currency": currency}


def euros(cents: int | None) -> str | None:
    """Return *cents* as an amount with two digits."""
    return None if cents is None else f"{Decimal(cents).scaleb(-2):f}"
