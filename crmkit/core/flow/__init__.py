"""How records flow through pipelines: boards, funnels, cycle times, conversion.

Everything is a statement over safe relations of the reader who asks, so that nobody learns of what they may not see.
"""

from __future__ import annotations

from crmkit.core.flow.converting import Cohort, Conversion, conversion
from crmkit.core.flow.cycles import CycleTimes, Durations, cycle_times
from crmkit.core.flow.funnels import Funnel, Lane, board, funnel

__all__ = [
    "Cohort",
    "Conversion",
    "CycleTimes",
    "Durations",
    "Funnel",
    "Lane",
    "board",
    "conversion",
    "cycle_times",
    "funnel",
]
