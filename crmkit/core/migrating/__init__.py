"""Changing the tables of a CRM: one branch of revisions for each plugin, and one for the core.

Alembic is imported by what needs it, never by this package itself: :func:`pending` is asked at every start.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crmkit.core.migrating.applied import pending as pending
    from crmkit.core.migrating.applying import Report as Report, apply as apply
    from crmkit.core.migrating.checking import Finding as Finding, check as check
    from crmkit.core.migrating.counting import CountedTable as CountedTable
    from crmkit.core.migrating.generating import make_revision as make_revision
    from crmkit.core.migrating.parking import (
        ParkedPlugin as ParkedPlugin,
        note_absence as note_absence,
        note_presence as note_presence,
        park as park,
        parked_plugins as parked_plugins,
        parking_preview as parking_preview,
        purge as purge,
    )
    from crmkit.core.migrating.planning import (
        Gap as Gap,
        Plan as Plan,
        Step as Step,
        TouchedTable as TouchedTable,
        plan as plan,
    )
    from crmkit.core.migrating.reverting import plan_reverting as plan_reverting, revert as revert

_HOME_OF = {
    "CountedTable": "counting",
    "Finding": "checking",
    "Gap": "planning",
    "ParkedPlugin": "parking",
    "Plan": "planning",
    "Report": "applying",
    "Step": "planning",
    "TouchedTable": "planning",
    "apply": "applying",
    "check": "checking",
    "make_revision": "generating",
    "note_absence": "parking",
    "note_presence": "parking",
    "park": "parking",
    "parked_plugins": "parking",
    "parking_preview": "parking",
    "pending": "applied",
    "plan": "planning",
    "plan_reverting": "reverting",
    "purge": "parking",
    "revert": "reverting",
}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
