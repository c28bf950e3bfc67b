"""The HTTP API as one ASGI application, made for a CRM: every door in its place, and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

from litestar import Litestar
from litestar.connection import Request
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.response import Response
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp

from crmkit.core.crm import CRM
from crmkit.rest import inbound, live, operations, reports, resources, searching, sign_in, transfers, verbs
from crmkit.rest.calls import Call
from crmkit.rest.doors import Door, check_addresses, check_doors, check_routes
from crmkit.rest.endpoint import Answer, Endpoint, request_id_of
from crmkit.rest.errors import MethodError, NothingHereError
from crmkit.rest.identities import Identity, identify
from crmkit.rest.openapi import door as openapi
from crmkit.rest.problems import problem_of
from crmkit.rest.replies import Reply
from crmkit.rest.surface import Surface

__all__ = ["DOORS", "build_app"]

#: Every door of crmkit; a package below this one that has doors is named here.
DOORS: tuple[Door, ...] = (
    *resources.DOORS,
    *live.DOORS,
    *operations.DOORS,
    *reports.DOORS,
    *searching.DOORS,
    *inbound.DOORS,
    *transfers.DOORS,
    *verbs.DOORS,
    *sign_in.DOORS,
    *openapi.DOORS,
)


def build_app(crm: CRM, *, doors: Sequence[Door] = DOORS, identify: Callable[[Call], Identity] = identify) -> Litestar:
    """Return the HTTP API of *crm*: *doors*, at which *identify* tells who knocks.

    Raises:
        DoorsError: a door does not say what it must, a route is none, or a plugin has the name of an address.
    """
    check_doors(doors)
    check_addresses([loaded.manifest.name for loaded in crm.plugins], doors)
    surface = Surface(crm, tuple(doors), identify)
    app = Litestar(
        # In front: Litestar gives a path its own answer to OPTIONS, which names the first door alone, if it has none.
        [*_options(doors), *(_route(surface, door) for door in doors)],
        state=State({"surface": surface}),
        openapi_config=None,
        logging_config=None,
        debug=False,
        exception_handlers={Exception: _problem},
        # Once more when the server starts: what was registered since is no door either.
        on_startup=[lambda app: check_routes(_routes(app), doors)],
        on_shutdown=[surface.close],
    )
    check_routes(_routes(app), doors)
    return app


def _route(surface: Surface, door: Door) -> HTTPRouteHandler:
    endpoint = Endpoint(surface, door)

    async def handler(request: Request[Any, Any, Any]) -> ASGIApp:
        return await endpoint.answer(request.scope, request.receive)

    return _handler(door.path, ["GET", "HEAD"] if door.method == "GET" else [door.method], handler)


def _options(doors: Sequence[Door]) -> Iterator[HTTPRouteHandler]:
    """Yield what tells of each path which methods it takes."""
    methods: dict[str, list[str]] = {}
    for door in doors:
        methods.setdefault(door.path, []).extend(["GET", "HEAD"] if door.method == "GET" else [door.method])
    for path, mine in methods.items():
        yield _handler(path, ["OPTIONS"], _told(Reply(204, headers={"allow": ", ".join([*mine, "OPTIONS"])})))


def _told(reply: Reply) -> Callable[[Request[Any, Any, Any]], Awaitable[ASGIApp]]:
    async def handler(request: Request[Any, Any, Any]) -> ASGIApp:
        return Answer(reply, request_id_of(request.headers))

    return handler


def _handler(path: str, methods: Any, handler: Callable[..., Awaitable[ASGIApp]]) -> HTTPRouteHandler:
    # The status is that of the answer; this one says only that an answer may have a body.
    return HTTPRouteHandler(path, http_method=methods, include_in_schema=False, status_code=200)(handler)


def _routes(app: Litestar) -> Iterator[tuple[str, str]]:
    """Yield the method and the path of every route of *app*; HEAD goes with GET, and OPTIONS names the others."""
    for route in app.routes:
        methods = {"*"} if not isinstance(route, HTTPRoute) else route.methods - {"HEAD", "OPTIONS"}
        yield from ((method, route.path) for method in sorted(methods))


def _problem(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Return the answer to what reaches no door."""
    status = getattr(error, "status_code", 500)
    if status == 405:
        told: Exception = MethodError(str(getattr(error, "headers", {}).get("allow", "")))
    else:
        told = NothingHereError() if status in (400, 404) else error
    answer = Answer(problem_of(None, told), request_id_of(request.headers))
    return Response(
        answer.whole, status_code=answer.reply.status, media_type=answer.reply.media_type, headers=answer.headers
    )
