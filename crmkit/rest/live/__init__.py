"""Live events: whoever is known hears what is written, as far as they may know it."""

from __future__ import annotations

from crmkit.rest.doors import Door
from crmkit.rest.live.door import listen

__all__ = ["DOORS"]

DOORS = (Door(name="events", method="GET", path="/api/v1/events", policy="principal", csrf="safe", handler=listen),)
