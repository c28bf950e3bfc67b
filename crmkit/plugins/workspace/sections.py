"""What is shown with records of any entity: open tasks, meetings, comments, files and tags."""

from __future__ import annotations

from crmkit import Section, TimelinePart, translator

__all__ = ["SECTIONS"]

_ = translator(__package__)

# What is to be done for a person of a company, or about a deal with them, is to be done for the company and for them.
_TASKS = ("regarding", "regarding.company", "regarding.contact")

OPEN_TASKS = Section(
    "workspace.open_tasks",
    _("Open tasks"),
    "workspace.task",
    via=_TASKS,
    where="!is_done",
    order_by="due_on",
    fields=["title", "due_on", "priority", "owner_id"],
    rank=35,
)
MEETINGS = Section(
    "workspace.meetings",
    _("Meetings"),
    "workspace.meeting_subject",
    via="record",
    where="meeting.last_at >= now()",
    order_by="id",
    fields=["meeting_id"],
    rank=36,
)
COMMENTS = Section(
    "workspace.comments",
    _("Comments"),
    "workspace.comment",
    via="regarding",
    fields=["body", "owner_id", "created_at"],
    rank=80,
)
FILES = Section(
    "workspace.files",
    _("Files"),
    "workspace.file",
    via="regarding",
    fields=["name", "content_type", "size", "owner_id", "created_at"],
    rank=70,
)
TAGS = Section(
    "workspace.tags", _("Tags"), "workspace.tagging", via="record", order_by="id", limit=20, fields=["tag_id"], rank=5
)
TASKS_DONE = TimelinePart("workspace.tasks_done", _("Tasks done"), "workspace.task", via=_TASKS, at="done_at")
TASKS_MADE = TimelinePart("workspace.tasks_made", _("Tasks made"), "workspace.task", via=_TASKS, at="created_at")
COMMENTS_MADE = TimelinePart(
    "workspace.comments_made", _("Comments"), "workspace.comment", via="regarding", at="created_at"
)
FILES_ADDED = TimelinePart("workspace.files_added", _("Files"), "workspace.file", via="regarding", at="created_at")

SECTIONS = (OPEN_TASKS, MEETINGS, COMMENTS, FILES, FILES_ADDED, TAGS, TASKS_DONE, TASKS_MADE, COMMENTS_MADE)
