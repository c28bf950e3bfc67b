"""Every door that there is: importing its module registers it. A surface adds its own module here."""

from __future__ import annotations

from tests.oracle.doors import (  # noqa: F401
    around,
    events,
    exports,
    flow,
    likeness,
    measures,
    merging,
    reads,
    rest,
    rights,
    searches,
    statements,
    webhooks,
    work,
    writes,
)
from tests.oracle.doors.registry import DOORS, Door, Probe, Questioner, door

__all__ = ["DOORS", "Door", "Probe", "Questioner", "door"]
