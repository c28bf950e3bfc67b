"""What people do with tasks, comments, files, tags and views, and what keeps them consistent."""

from __future__ import annotations

from .comments import comment, comments_of
from .entry_tasks import add_entry_tasks
from .files import GRACE, Swept, attach, check_contents, files_of, lost_files, read_file, sweep
from .tags import tag, tags_of, untag
from .tasks import assign, complete, my_tasks, reopen, set_progress, settle_tasks, tasks_of
from .views import ViewPage, default_view, save_view, set_default_view, show_view, views_of

__all__ = [
    "GRACE",
    "Swept",
    "ViewPage",
    "add_entry_tasks",
    "assign",
    "attach",
    "check_contents",
    "comment",
    "comments_of",
    "complete",
    "default_view",
    "files_of",
    "lost_files",
    "my_tasks",
    "read_file",
    "reopen",
    "save_view",
    "set_default_view",
    "set_progress",
    "settle_tasks",
    "show_view",
    "sweep",
    "tag",
    "tags_of",
    "tasks_of",
    "untag",
    "views_of",
]
