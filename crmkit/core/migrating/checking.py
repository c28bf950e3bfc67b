"""Whether code and database agree, and what mends it where they do not."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.errors import CrmkitError
from crmkit.core.migrating.applied import State, missing, read_state
from crmkit.core.migrating.applying import apply
from crmkit.core.migrating.comparing import compare, in_words, unclaimed
from crmkit.core.migrating.revisions import all_revisions, branches, revisions_of
from crmkit.core.migrating.scratch import scratch_crm
from crmkit.core.storage.database_objects import missing_objects
from crmkit.core.text import Text, gettext as _, translate

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["Finding", "check"]


@attrs.frozen
class Finding:
    """One thing about the database that somebody should know. ``str()`` of it is a sentence, with what mends it.

    *kind* is ``missing`` (what the database has is not here), ``parked`` (tables are to be restored), ``pending``
    (revisions are to be applied), ``objects`` (triggers, sequences or functions are to be made), ``differs``
    (declarations have no revision), ``altered`` (the database is no longer what revisions made) or ``unclaimed`` (a
    column that no field claims; nothing is wrong).
    """

    kind: str
    plugin: str
    template: Text
    facts: dict[str, object] = attrs.field(factory=dict)

    @property
    def is_problem(self) -> bool:
        """Whether the CRM may fail until it is mended."""
        return self.kind != "unclaimed"

    def __str__(self) -> str:
        return translate(self.template).format(plugin=self.plugin, **self.facts)


def check(crm: CRM, *, without: Collection[str] = ()) -> tuple[Finding, ...]:
    """Return what is to be said about the database of *crm*; nothing where all is well. Nothing is changed.

    Declarations are compared with the tables of each plugin that has all its revisions. Where they differ, a database
    for a moment shows what the revisions make, if one can be made. *without* names plugins that the database knows and
    *crm* may do without.

    Raises:
        RevisionError: the files of a plugin are not numbered as they must be.
    """
    with crm.storage.reading() as connection:
        return tuple(_findings(crm, connection, read_state(connection), without))


def _findings(crm: CRM, connection: Connection, state: State, without: Collection[str]) -> Iterator[Finding]:
    for problem in missing(crm, state, without):
        yield Finding("missing", str(problem.facts["plugin"]), Text("{problem}"), {"problem": problem.localized()})
    behind = {plugin for plugin in branches(crm) if plugin in state.parked and state.parked[plugin].tables}
    for plugin in sorted(behind):
        yield Finding("parked", plugin, _("{plugin}: its tables are parked; run crmkit db apply"))
    for revision in all_revisions(crm):
        if revision.id not in state.applied:
            behind.add(revision.plugin)
            message = _("{plugin}: {revision} is not applied; run crmkit db apply")
            yield Finding("pending", revision.plugin, message, {"revision": revision.id})
    if not behind:
        for name in missing_objects(connection, crm.registry, crm.schema):
            yield Finding("objects", "core", _("{name} is missing; run crmkit db apply"), {"name": name})
    yield from _differences(crm, connection, [plugin for plugin in branches(crm) if plugin not in behind])


def _differences(crm: CRM, connection: Connection, plugins: Sequence[str]) -> Iterator[Finding]:
    found = {plugin: _in_words(crm, connection, plugin) for plugin in plugins}
    unrevised = _unrevised(crm) if any(found.values()) else None
    for plugin, operations in found.items():
        for operation in operations:
            kind, message = _judged(crm, plugin, operation, unrevised)
            yield Finding(kind, plugin, message, {"operation": operation})
        for table, column in unclaimed(connection, crm.schema, {plugin}):
            message = _("{plugin}: no field claims the column {column}; its values are kept")
            yield Finding("unclaimed", plugin, message, {"column": f"{table}.{column['name']}"})


def _in_words(crm: CRM, connection: Connection, plugin: str) -> list[str]:
    return [str(each) for each in in_words(compare(connection, crm.schema, {plugin}), connection.dialect)]


def _unrevised(crm: CRM) -> set[str] | None:
    """Return, in words, what is declared and no revision makes; ``None`` where no database can be made to see it."""
    try:
        with scratch_crm(crm) as scratch:
            apply(scratch)
            with scratch.storage.reading() as connection:
                return {words for plugin in branches(scratch) for words in _in_words(scratch, connection, plugin)}
    except (CrmkitError, sa.exc.DBAPIError):
        return None


def _judged(crm: CRM, plugin: str, operation: str, unrevised: set[str] | None) -> tuple[str, Text]:
    """Return of which kind it is that *operation* is lacking, and the sentence that says what mends it."""
    if not revisions_of(crm, plugin):
        return "differs", _("{plugin}: it has no revisions ({operation}); run crmkit db revision {plugin}")
    if unrevised is None:
        return "differs", _(
            "{plugin}: the database is not what it declares ({operation}); if that is newly declared, "
            "run crmkit db revision {plugin}; if not, restore a backup"
        )
    if operation in unrevised:
        return "differs", _("{plugin}: what it declares has no revision ({operation}); run crmkit db revision {plugin}")
    return "altered", _(
        "{plugin}: the database is not what its revisions made ({operation}); restore a backup, or put it back by hand"
    )
