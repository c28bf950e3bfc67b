"""The records of every entity as resources: the same handlers for all, so that new entities are there at once."""

from __future__ import annotations

from crmkit.rest.doors import Door
from crmkit.rest.resources import listing, single

__all__ = ["DOORS"]

DOORS: tuple[Door, ...] = (*listing.DOORS, *single.DOORS)
