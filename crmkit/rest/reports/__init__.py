"""What records add up to: groups and measures, boards, funnels, cycle times and conversion, of every entity."""

from __future__ import annotations

from crmkit.rest.doors import Door
from crmkit.rest.reports import aggregates, flow

__all__ = ["DOORS"]

DOORS: tuple[Door, ...] = (*aggregates.DOORS, *flow.DOORS)
