"""What an upgrade means for what was edited here, before the database is brought up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmkit.core.migrating.applied import pending
from crmkit.core.reading.reader import Reader
from crmkit.core.registry import CORE
from crmkit.core.shipped.deciding import ALWAYS, local_edits
from crmkit.core.shipped.kinds import Edited
from crmkit.core.storage.held import Held

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["edits_before_upgrade"]


def edits_before_upgrade(crm: CRM) -> list[Edited]:
    """Return what was edited here of what plugins ship, as it stands beside the code of today.

    Unlike every door this asks for no more than the core's own tables; nothing is returned while those are not there,
    and nothing of kinds whose tables are not as their plugin needs them.
    """
    unready = {revision.plugin for revision in pending(crm)}
    if CORE in unready:
        return []
    kinds = {kind.name for kind in crm.model.record_kinds.values() if kind.entity.partition(".")[0] not in unready}
    with crm.storage.reading() as connection:
        return local_edits(Reader(crm.model, Held(connection), crm.model.system_access), of={*ALWAYS, *kinds})
