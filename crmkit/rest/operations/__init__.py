"""Doors for whoever runs the server: whether it lives, whether it is ready, and what it has counted."""

from __future__ import annotations

from crmkit.rest.doors import Door
from crmkit.rest.operations.counted import metrics
from crmkit.rest.operations.health import live, ready

__all__ = ["DOORS"]

DOORS = (
    Door(
        name="health.live",
        method="GET",
        path="/health/live",
        policy="public",
        csrf="safe",
        handler=live,
        is_immediate=True,
    ),
    Door(name="health.ready", method="GET", path="/health/ready", policy="public", csrf="safe", handler=ready),
    Door(name="metrics", method="GET", path="/metrics", policy="principal", csrf="safe", handler=metrics),
)
