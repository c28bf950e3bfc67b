"""Files in and out: exports as they are written, and exports and imports as jobs."""

from __future__ import annotations

from crmkit.rest.doors import Door
from crmkit.rest.transfers import exports, imports, jobs, uploads

__all__ = ["DOORS"]

DOORS: tuple[Door, ...] = (*exports.DOORS, *uploads.DOORS, *imports.DOORS, *jobs.DOORS)
