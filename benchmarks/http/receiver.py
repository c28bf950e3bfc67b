"""A receiver of webhooks: it takes whatever is told, and counts nothing but on its own side."""

from __future__ import annotations

from functools import partial
from typing import Any

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

__all__ = ["serve_receiver"]


def serve_receiver(port: int) -> None:
    """Serve on *port* until a signal says stop."""
    server = Granian(
        "receiver",
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_level=LogLevels.warning,
    )
    server.serve(target_loader=partial(_taken), wrap_loader=False)


def _taken() -> Any:
    async def take(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return take
