"""Doors for whoever runs the server: whether it lives, whether it is ready, and what it has counted."""

from __future__ import annotations

from crmkit.core.text import gettext as _
from crmkit.rest.described import object_of
from crmkit.rest.doors import Door
from crmkit.rest.openapi.operations import Answer, Operation
from crmkit.rest.operations.counted import metrics
from crmkit.rest.operations.health import live, ready

__all__ = ["DOORS"]

_HEALTH = object_of(status={"enum": ["ok", "unavailable"]})
_LIVE = Operation(summary=_("Hear whether the process answers"), answers={200: _HEALTH})
_READY = Operation(summary=_("Hear whether the server can do its work"), answers={200: _HEALTH, 503: _HEALTH})
_METRICS = Operation(
    summary=_("Get what the server has counted, for Prometheus"),
    answers={200: Answer({"type": "string"}, media_type="text/plain")},
)

DOORS = (
    Door(
        name="health.live",
        method="GET",
        path="/health/live",
        policy="public",
        csrf="safe",
        handler=live,
        operation=_LIVE,
        is_immediate=True,
    ),
    Door(
        name="health.ready",
        method="GET",
        path="/health/ready",
        policy="public",
        csrf="safe",
        handler=ready,
        operation=_READY,
    ),
    Door(
        name="metrics",
        method="GET",
        path="/metrics",
        policy="principal",
        csrf="safe",
        handler=metrics,
        operation=_METRICS,
    ),
)
