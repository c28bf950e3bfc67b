"""The records of every entity as resources: the same handlers for all, so that new entities are there at once."""

from __future__ import annotations

from crmkit.rest.doors import Door
from crmkit.rest.resources import (
    around,
    batches,
    discovery,
    duplicates,
    explaining,
    external,
    listing,
    merging,
    moving,
    sharing,
    single,
)

__all__ = ["DOORS"]

_MODULES = (discovery, listing, single, batches, moving, sharing, merging, around, duplicates, explaining, external)
DOORS: tuple[Door, ...] = tuple(door for module in _MODULES for door in module.DOORS)
