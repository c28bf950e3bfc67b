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
    verbs,
    webhooks,
    work,
    writes,
)
from tests.oracle.doors.registry import DOORS, Door, Probe, Questioner, door
from tests.oracle.doors.rest.lending import PREFIX

__all__ = ["DOORS", "PREFIX", "Door", "Probe", "Questioner", "door"]
