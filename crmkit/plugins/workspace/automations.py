"""What the plugin can do for automations, and the automations that it ships, switched off."""

from __future__ import annotations

from crmkit import Action, Automation, OnDue, SetFields, translator

from .services import TaskToMake, make_task

__all__ = ["ACTIONS", "AUTOMATIONS"]

_ = translator(__package__)

ACTIONS = [Action("workspace.make_task", _("Make a task"), make_task, TaskToMake)]
AUTOMATIONS = [
    Automation(
        "workspace.raise_overdue",
        "workspace.task",
        OnDue("due_on", days=1),
        [SetFields({"priority": "high"})],
        '!is_done && priority in ["low", "normal"]',
        is_active=False,
        note="A task that is not done on the day after it was due gets a high priority.",
    )
]
