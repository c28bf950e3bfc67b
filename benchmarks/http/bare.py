"""The bare endpoint: Starlette, hand-written SQL, the same JSON, for the salesperson, who need not say who she is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import anyio.to_thread
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels
from starlette.applications import Starlette
from starlette.routing import Route

from benchmarks.handwritten.reading import Hand
from benchmarks.http.bare_contacts import Contacts
from benchmarks.http.bare_deals import Deals
from benchmarks.http.bare_looks import Looks
from benchmarks.http.serving import THREADS
from benchmarks.world.customers import PLUGINS
from benchmarks.world.opening import World, make_crm
from benchmarks.world.people import People

__all__ = ["make_app", "serve_bare"]


def serve_bare(url: str, port: int) -> None:
    """Serve on *port* until a signal says stop."""
    server = Granian(
        "bare", address="127.0.0.1", port=port, interface=Interfaces.ASGI, websockets=False, log_level=LogLevels.warning
    )
    server.serve(target_loader=partial(_loaded, url), wrap_loader=False)


def _loaded(url: str) -> Starlette:
    return make_app(World(make_crm(url, PLUGINS), People(), 0))


def make_app(world: World) -> Starlette:
    """Return the endpoints on *world*."""
    hand = Hand(world)
    deals = Deals(hand)
    contacts, looks = Contacts(hand), Looks(hand, deals)

    @asynccontextmanager
    async def limited(_app: Starlette) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        yield

    return Starlette(
        routes=[
            Route("/deals", deals.page, methods=["GET"]),
            Route("/deals/{id}", deals.get, methods=["GET"]),
            Route("/deals", deals.create, methods=["POST"]),
            Route("/deals/{id}/move", deals.move, methods=["POST"]),
            Route("/contacts", contacts.page, methods=["GET"]),
            Route("/sums", looks.sums, methods=["GET"]),
            Route("/funnel", looks.funnel, methods=["GET"]),
            Route("/search", looks.search, methods=["GET"]),
        ],
        lifespan=limited,
    )
