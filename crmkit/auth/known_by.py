"""Lists of what users are known by, for whoever asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from crmkit.core.entity import Record, entity_info

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader
    from crmkit.core.rules.rule import Rule

__all__ = ["counting", "known_by"]

Kind = TypeVar("Kind", bound=Record)
# How many a list shows: far more than anybody has.
_MOST = 1000


def counting(db: Reader, kind: type[Kind]) -> list[Kind]:
    """Return the sessions or tokens that *db* sees and that have neither ended nor expired, newest first."""
    return known_by(db, kind, "ended_at == null && expires_at > now()", order_by="-created_at", limit=_MOST)


def known_by(
    db: Reader, kind: type[Kind], where: Rule | str | None = None, *, order_by: str, limit: int | None = None
) -> list[Kind]:
    """Return what *db* sees of *kind*: nothing without any grant, and where a field is hidden that has to be told."""
    own = entity_info(kind).fields
    needed = {"created_at", *(name for name in kind.__annotations__ if not own[name].personal)}
    return db.find(kind, where, order_by=order_by, limit=limit) if needed <= db.readable_fields(kind) else []
