"""Whether an entity exists for somebody: what does not is answered as what nobody declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmkit.core.policy.access import Access

if TYPE_CHECKING:
    from crmkit.core.entity import EntityInfo

__all__ = ["exists_for"]


def exists_for(access: Access, info: EntityInfo) -> bool:
    """Return whether *info* is there for *access*: it may do something with its records, or some are shared with it."""
    mine = access.entity(info)
    return access.is_system or bool(mine.shared) or any(mine.scopes.values())
