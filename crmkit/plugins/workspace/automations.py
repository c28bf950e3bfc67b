"""What the plugin can do for automations, and the automations that it ships, switched off."""

from __future__ import annotations

from crmkit import Action, Automation, OnDue, RunAction, SetFields, translator

from .services import Message, TaskToMake, make_task, tell

__all__ = ["ACTIONS", "AUTOMATIONS"]

_ = translator(__package__)

_OVERDUE = {"en": "“{title}” was due on {due_on}.", "zh_CN": "“{title}”应于 {due_on} 完成。"}

ACTIONS = [
    Action("workspace.make_task", _("Make a task"), make_task, TaskToMake),
    Action("workspace.notify", _("Tell people something"), tell, Message),
]
AUTOMATIONS = [
    Automation(
        "workspace.raise_overdue",
        "workspace.task",
        OnDue("due_on", days=1),
        [SetFields({"priority": "high"})],
        '!is_done && priority in ["low", "normal"]',
        is_active=False,
        note="A task that is not done on the day after it was due gets a high priority.",
    ),
    Automation(
        "workspace.tell_of_overdue",
        "workspace.task",
        OnDue("due_on", days=3),
        [RunAction("workspace.notify", {"to": "owner", "text": {"template": _OVERDUE}})],
        "!is_done",
        is_active=False,
        note="Whoever has not done a task three days after it was due is told so.",
    ),
]
