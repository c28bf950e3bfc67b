"""What people say about records."""

from __future__ import annotations

from crmkit import Reader, Record, Target, Writer

from ..entities import Comment

__all__ = ["comment", "comments_of"]


def comment(db: Writer, record: Record, body: str) -> Comment:
    """Say something about *record* and return the comment."""
    return db.create(Comment(regarding=Target.of(record), body=body))


def comments_of(db: Reader, record: Record) -> list[Comment]:
    """Return the comments on *record*, oldest first."""
    return db.find(Comment, Comment.f.regarding == Target.of(record), order_by="id")
