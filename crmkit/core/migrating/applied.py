"""Which revisions a database has: one row for each, so that none is forgotten when its plugin is absent.

Alembic's own table keeps only the newest revisions that no other depends on, and fails on any that it cannot find.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.migrating.errors import RevisionsMissingError
from crmkit.core.migrating.revisions import Revision, all_revisions, branches, revisions_of
from crmkit.core.storage.columns import Moment
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["APPLIED", "Applied", "pending", "read_applied"]

APPLIED = sa.Table(
    "core_revision",
    sa.MetaData(),
    sa.Column("revision", sa.String(80), primary_key=True),
    sa.Column("plugin", sa.String(80), nullable=False),
    sa.Column("applied_at", Moment(), nullable=False),
)


@attrs.frozen
class Applied:
    """A revision that a database has, and since when."""

    revision: str
    plugin: str
    applied_at: datetime


def read_applied(connection: Connection) -> dict[str, Applied]:
    """Return the revisions of the database by id, oldest first; none where nothing was ever applied."""
    if not sa.inspect(connection).has_table(APPLIED.name):
        return {}
    columns = (APPLIED.c.revision, APPLIED.c.plugin, APPLIED.c.applied_at)
    rows = connection.execute(sa.select(*columns).order_by(APPLIED.c.applied_at, APPLIED.c.revision))
    return {row.revision: Applied(*row) for row in rows}


def note_applied(connection: Connection, revision: Revision, at: datetime) -> None:
    """Keep that the database has *revision*."""
    connection.execute(sa.insert(APPLIED).values(revision=revision.id, plugin=revision.plugin, applied_at=at))


def forget_applied(connection: Connection, revision: Revision) -> None:
    """Keep that the database no longer has *revision*."""
    connection.execute(sa.delete(APPLIED).where(APPLIED.c.revision == revision.id))


def pending(crm: CRM) -> tuple[Revision, ...]:
    """Return the revisions that the database of *crm* lacks, in the order in which they run.

    Cheap enough for every start: one query and the names of the files; no revision is read and Alembic is not imported.

    Raises:
        RevisionError: the files of a plugin are not numbered as they must be.
    """
    with crm.storage.reading() as connection:
        have = read_applied(connection)
    return tuple(revision for revision in all_revisions(crm) if revision.id not in have)


def missing(crm: CRM, have: Collection[Applied], without: Collection[str] = ()) -> Iterator[RevisionsMissingError]:
    """Yield for each plugin that the database knows better than *crm* what is missing; not those in *without*."""
    enabled = branches(crm)
    by_plugin = {one.plugin: one.revision for one in have}
    for plugin, newest in sorted(by_plugin.items()):
        if plugin not in enabled and plugin not in without:
            yield _absent(plugin, newest)
        elif plugin in enabled:
            known = {revision.id for revision in revisions_of(crm, plugin)}
            unknown = [one.revision for one in have if one.plugin == plugin and one.revision not in known]
            yield from (_outdated(plugin, revision, len(known)) for revision in unknown[-1:])


def _absent(plugin: str, revision: str) -> RevisionsMissingError:
    reason = _("that plugin is not enabled here.")
    mend = _(
        "Name it under plugins in crm.toml and install it; "
        "to do without it for now, name it there and add --without {plugin}."
    )
    return RevisionsMissingError(plugin, revision, reason, mend)


def _outdated(plugin: str, revision: str, known: int) -> RevisionsMissingError:
    reason = _("the installed {plugin} ends with number {known:04}.")
    mend = _("Install the version of {plugin} that the database was last used with, or a newer one.")
    return RevisionsMissingError(plugin, revision, reason, mend, known=known)
