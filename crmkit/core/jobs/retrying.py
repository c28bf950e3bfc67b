"""How long work waits before it is tried again."""

from __future__ import annotations

from datetime import timedelta
from random import Random

__all__ = ["backoff"]

_FIRST = timedelta(seconds=10)
_LONGEST = timedelta(hours=6)
_JITTER = 0.2


def backoff(attempt: int, chance: Random) -> timedelta:
    """Return how long to wait after the failure of *attempt*: ten seconds, doubled each time, up to six hours.

    A fifth more or less, by *chance*, so that what failed together does not come back together.
    """
    doubled: int = 1 << min(attempt - 1, 20)
    return min(_LONGEST, _FIRST * doubled) * chance.uniform(1 - _JITTER, 1 + _JITTER)
