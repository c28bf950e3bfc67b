"""The bare endpoint: Starlette, hand-written SQL, the same JSON, for the salesperson, who need not say who she is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import anyio.to_thread
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.handwritten.reading import Hand, grouped
from benchmarks.handwritten.writing import Desk, Offer
from benchmarks.http.serving import THREADS
from benchmarks.world.opening import World, make_crm
from benchmarks.world.people import People

__all__ = ["make_app", "serve_bare"]

_NEWEST = "id DESC"


def serve_bare(url: str, port: int) -> None:
    """Serve on *port* until a signal says stop."""
    server = Granian(
        "bare", address="127.0.0.1", port=port, interface=Interfaces.ASGI, websockets=False, log_level=LogLevels.warning
    )
    server.serve(target_loader=partial(_loaded, url), wrap_loader=False)


def _loaded(url: str) -> Starlette:
    return make_app(World(make_crm(url), People(), 0))


def make_app(world: World) -> Starlette:
    """Return the endpoints on *world*."""
    bare = _Bare(Hand(world))

    @asynccontextmanager
    async def limited(_app: Starlette) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        yield

    return Starlette(
        routes=[
            Route("/deals", bare.list, methods=["GET"]),
            Route("/deals/{id}", bare.get, methods=["GET"]),
            Route("/deals", bare.create, methods=["POST"]),
            Route("/deals/{id}/move", bare.move, methods=["POST"]),
            Route("/sums", bare.sums, methods=["GET"]),
        ],
        lifespan=limited,
    )


class _Bare:
    """The endpoints, which run in threads."""

    def __init__(self, hand: Hand) -> None:
        member = hand.world.people.salesperson
        self._hand, self._eyes = hand, hand.scoped(member, shared=True)
        self._page = hand.page(self._eyes, _NEWEST)
        seen = f"SELECT {hand.columns()} FROM trade_deal WHERE id = :wanted AND deleted_at IS NULL"
        self._one = hand.run(f"{seen} AND {self._eyes.whole}", self._eyes.parameters)
        self._sums = grouped(hand, self._eyes, by="stage", measures={"amount": "amount_base"})
        self._beside = hand.among("SELECT record_id, tier, score FROM loyalty_trade_deal WHERE record_id")
        self._desk = Desk(hand, member)
        self._columns = [column.name for column in hand.world.crm.schema.tables["trade_deal"].columns]

    def get(self, request: Request) -> JSONResponse:
        return self._answer(UUID(request.path_params["id"]))

    def list(self, _request: Request) -> JSONResponse:
        rows = self._page()
        beside = self._beside_of([row.id for row in rows])
        items = [self._told(row, beside.get(row.id)) for row in rows]
        return JSONResponse({"items": items, "next": items[-1]["id"]})

    async def create(self, request: Request) -> JSONResponse:
        body = await request.json()
        return await anyio.to_thread.run_sync(self._create, body)

    def _create(self, body: Any) -> JSONResponse:
        cents = int(Decimal(body["amount"]["amount"]).scaleb(2))
        close = date.fromisoformat(body["expected_close_on"])
        offer = Offer(body["name"], UUID(body["company_id"]), cents, close, body["source"])
        return self._answer(self._desk.create(offer), 201)

    async def move(self, request: Request) -> JSONResponse:
        body = await request.json()
        version = int(request.headers["if-match"].strip('"'))
        return await anyio.to_thread.run_sync(self._move, UUID(request.path_params["id"]), version, body["stage"])

    def _move(self, id_: UUID, version: int, stage: str) -> JSONResponse:
        self._desk.move(id_, version, stage)
        return self._answer(id_)

    def sums(self, _request: Request) -> JSONResponse:
        items = [
            {"group": {"stage": row.stage}, "measures": {"count": row.n, "sum.amount": _euros(row.amount)}}
            for row in sorted(self._sums())
        ]
        return JSONResponse({"items": items, "currency": "EUR"})

    def _answer(self, id_: UUID, status: int = 200) -> JSONResponse:
        rows = self._one(wanted=self._hand.id(id_))
        if not rows:
            return JSONResponse({}, 404)
        told = self._told(rows[0], self._beside_of([rows[0].id]).get(rows[0].id))
        return JSONResponse(told, status, {"etag": f'"{told["version"]}"'})

    def _beside_of(self, ids: list[Any]) -> dict[Any, Any]:
        """Return the rows of the plugin beside deals by their ids."""
        with self._hand.world.crm.storage.reading() as connection:
            return {row.record_id: row for row in self._beside(connection, ids)}

    def _told(self, row: Any, beside: Any) -> dict[str, Any]:
        """Return a row, and what is beside it, as crmkit tells it."""
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
    return None if minor is None else {"amount": _euros(minor), "currency": currency}


def _euros(cents: int | None) -> str | None:
    return None if cents is None else f"{Decimal(cents).scaleb(-2):f}"
