"""Who may do what with tasks, comments, files, tags, views and notifications."""

from __future__ import annotations

from crmkit import Grant, Restriction, Role, translator

__all__ = ["ROLES"]

_ = translator(__package__)

# Comments, files and taggings need no narrower scope: they are seen only where their record is.
_SHARED = (
    Grant("workspace.comment", ["read", "create"], "all"),
    Grant("workspace.file", ["read", "create"], "all"),
    Grant("workspace.tag", ["read", "create"], "all"),
    Grant("workspace.tagging", ["read", "create", "delete"], "all"),
)
_SHOWN_TO_ME = 'owner_id == me() || audience == "everybody" || (audience == "team" && team_id == my_team())'
_VIEWS = (
    Grant("workspace.view", ["read"], _SHOWN_TO_ME),
    Grant("workspace.view", ["create", "update", "delete", "share"], "own"),
    Grant("workspace.default_view", ["read", "create", "update", "delete"], "own"),
)
_MINE = "recipient_id == me()"
_NOTIFICATIONS = (
    Grant("workspace.notification", ["read", "update", "delete"], _MINE),
    Grant("workspace.notification_preference", ["read", "create", "update", "delete"], _MINE),
    Grant("workspace.reminder", ["read", "create", "update", "delete"], _MINE),
    Grant("workspace.following", ["read", "create", "delete"], "user_id == me()"),
)
_OF_THE_OWNER = "meeting.owner_id == me()"
_MEETINGS = (
    Grant("workspace.meeting", ["read", "update", "delete", "transfer", "share", "export"], "own"),
    Grant("workspace.meeting", ["create"], "all"),
    # Exceptions, subjects and attendances need no narrower scope to be read: they are seen only where their meeting is.
    Grant("workspace.meeting_exception", ["read"], "all"),
    Grant("workspace.meeting_exception", ["create", "update", "delete"], _OF_THE_OWNER),
    Grant("workspace.meeting_subject", ["read"], "all"),
    Grant("workspace.meeting_subject", ["create", "delete"], _OF_THE_OWNER),
    Grant("workspace.attendance", ["read"], "all"),
    Grant("workspace.attendance", ["create", "delete"], _OF_THE_OWNER),
    Grant("workspace.attendance", ["update"], 'attendee.entity == "core.user" && attendee.id == me()'),
)
_OPEN_MEETINGS = Grant("workspace.meeting", ["read"], "!is_private")

MEMBER = Role(
    "workspace.member",
    _("Workspace member"),
    [
        Grant("workspace.task", ["read"], "team"),
        # Everybody may ask anybody to do something; what is theirs to change is what they own.
        Grant("workspace.task", ["create"], "all"),
        Grant("workspace.task", ["update", "delete", "transfer", "share", "export"], "own"),
        Grant("workspace.comment", ["update", "delete"], "own"),
        Grant("workspace.file", ["update", "delete"], "own"),
        *_SHARED,
        *_VIEWS,
        *_NOTIFICATIONS,
        *_MEETINGS,
        Grant("workspace.meeting", ["read"], "!is_private && team_id == my_team()"),
    ],
)
MANAGER = Role(
    "workspace.manager",
    _("Workspace manager"),
    [
        Grant("workspace.task", ["create"], "all"),
        Grant("workspace.task", ["read", "update", "delete", "transfer", "share", "export"], "subtree"),
        Grant("workspace.comment", ["update"], "own"),
        Grant("workspace.comment", ["delete", "export"], "subtree"),
        Grant("workspace.file", ["update"], "own"),
        Grant("workspace.file", ["delete", "export"], "subtree"),
        Grant("workspace.tag", ["update", "delete"], "all"),
        Grant("workspace.view", ["update", "delete", "transfer"], "subtree"),
        *_SHARED,
        *_VIEWS,
        *_NOTIFICATIONS,
        *_MEETINGS,
        _OPEN_MEETINGS,
    ],
)
VIEWER = Role(
    "workspace.viewer",
    _("Workspace viewer"),
    [
        *(Grant(f"workspace.{entity}", ["read"], "all") for entity in ("task", "comment", "file", "tag", "tagging")),
        *_VIEWS,
        *_NOTIFICATIONS,
        _OPEN_MEETINGS,
        *(
            Grant(f"workspace.{entity}", ["read"], "all")
            for entity in ("meeting_exception", "meeting_subject", "attendance")
        ),
    ],
)

# Not even administrators read what others are told.
OWN_NOTIFICATIONS = Restriction("workspace.own_notifications", "workspace.notification", _MINE)

ROLES = (MEMBER, MANAGER, VIEWER, OWN_NOTIFICATIONS)
