"""Which revisions a database has: one row for each, so that none is forgotten when its plugin is absent.

Alembic's own table keeps only the newest revisions that no other depends on, and fails on any that it cannot find.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.migrating.errors import NotMigratedError, PluginParkedError, RevisionsMissingError
from crmkit.core.migrating.revisions import Revision, all_revisions, branches, revisions_of
from crmkit.core.storage.columns import Moment
from crmkit.core.storage.system_tables.changing import parked
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["ANY", "APPLIED", "PARKED", "Applied", "Parked", "State", "check_agreement", "pending", "read_state"]

#: Stands among the names of plugins that a CRM does without, and means all that it does not have.
ANY = "*"

APPLIED = sa.Table(
    "core_revision",
    sa.MetaData(),
    sa.Column("revision", sa.String(80), primary_key=True),
    sa.Column("plugin", sa.String(80), nullable=False),
    sa.Column("applied_at", Moment(), nullable=False),
)
# Read before the core's own revisions are known to be there, so it is not the table of a schema.
PARKED = parked(sa.MetaData())


@attrs.frozen
class Applied:
    """A revision that a database has, and since when."""

    revision: str
    plugin: str
    applied_at: datetime


@attrs.frozen
class Parked:
    """A plugin that the CRM may do without: since when, which version it was, and what its tables are called now.

    *tables* maps the names that they have in use. It is empty while the plugin is added, and where it had none. Tables
    that have their names again stand for themselves until nothing is left to be done to them: every door is shut.
    """

    plugin: str
    since: datetime
    version: str | None
    tables: Mapping[str, str]

    @property
    def away(self) -> dict[str, str]:
        """The tables that are called otherwise now."""
        return {name: kept for name, kept in self.tables.items() if name != kept}


@attrs.frozen
class State:
    """How far the tables of a database are: its revisions by id, oldest first, and the plugins that are parked."""

    applied: Mapping[str, Applied]
    parked: Mapping[str, Parked]

    @property
    def plugins(self) -> frozenset[str]:
        """The plugins that have revisions here."""
        return frozenset(one.plugin for one in self.applied.values())


def read_state(connection: Connection) -> State:
    """Return how far the tables of the database are, in one query; empty where nothing was ever applied."""
    present = set(sa.inspect(connection).get_table_names())
    if APPLIED.name not in present:
        return State({}, {})
    columns = (APPLIED.c.revision, APPLIED.c.plugin, APPLIED.c.applied_at)
    statement: sa.Select[Any] = sa.select(*columns).order_by(APPLIED.c.applied_at, APPLIED.c.revision)
    if PARKED.name in present:
        beside = APPLIED.outerjoin(PARKED, PARKED.c.plugin == APPLIED.c.plugin)
        statement = statement.add_columns(PARKED.c.since, PARKED.c.version, PARKED.c.tables).select_from(beside)
    applied, away = dict[str, Applied](), dict[str, Parked]()
    for revision, plugin, at, *absence in connection.execute(statement):
        applied[revision] = Applied(revision, plugin, at)
        if absence and absence[0] is not None:
            away[plugin] = Parked(plugin, *absence)
    return State(applied, away)


def note_applied(connection: Connection, revision: Revision, at: datetime) -> None:
    """Keep that the database has *revision*."""
    connection.execute(sa.insert(APPLIED).values(revision=revision.id, plugin=revision.plugin, applied_at=at))


def note_all_applied(crm: CRM, connection: Connection) -> None:
    """Keep that the database has every revision of *crm*: its tables were made from the declarations instead."""
    APPLIED.create(connection, checkfirst=True)
    for revision in all_revisions(crm):
        note_applied(connection, revision, crm.clock.now())


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
        return _lacking(crm, read_state(connection))


def _lacking(crm: CRM, state: State) -> tuple[Revision, ...]:
    return tuple(revision for revision in all_revisions(crm) if revision.id not in state.applied)


def check_agreement(crm: CRM, *, without: Collection[str] = ()) -> None:
    """Return if the database of *crm* has the revisions of its plugins, and of no others but parked ones.

    As cheap as :func:`pending`. *without* names plugins that the database knows and *crm* may do without; :data:`ANY`
    stands for all.

    Raises:
        RevisionsMissingError: the database was changed by revisions that are not here.
        PluginParkedError: a plugin of *crm* is parked.
        NotMigratedError: the database lacks revisions.
    """
    with crm.storage.reading() as connection:
        state = read_state(connection)
    for problem in missing(crm, state, without):
        raise problem
    for plugin in branches(crm):
        if plugin in state.parked and state.parked[plugin].tables:
            raise PluginParkedError(plugin)
    if lacking := _lacking(crm, state):
        raise NotMigratedError([revision.id for revision in lacking])


def missing(crm: CRM, state: State, without: Collection[str] = ()) -> Iterator[RevisionsMissingError]:
    """Yield for each plugin that the database knows better than *crm* what is missing; not those in *without*."""
    enabled = branches(crm)
    have = list(state.applied.values())
    by_plugin = {one.plugin: one.revision for one in have}
    for plugin, newest in sorted(by_plugin.items()):
        if plugin not in enabled:
            if not {ANY, plugin} & set(without) and plugin not in state.parked:
                yield _absent(plugin, newest)
        else:
            known = {revision.id for revision in revisions_of(crm, plugin)}
            unknown = [one.revision for one in have if one.plugin == plugin and one.revision not in known]
            yield from (_outdated(plugin, revision, len(known)) for revision in unknown[-1:])


def _absent(plugin: str, revision: str) -> RevisionsMissingError:
    reason = _("that plugin is not enabled here.")
    mend = _(
        "Name it under plugins in crm.toml and install it; "
        "to do without it for now, name it there and add --without {plugin}; "
        "to do without it for good, run crmkit plugin remove {plugin}."
    )
    return RevisionsMissingError(plugin, revision, reason, mend)


def _outdated(plugin: str, revision: str, known: int) -> RevisionsMissingError:
    reason = _("the installed {plugin} ends with number {known:04}.")
    mend = _("Install the version of {plugin} that the database was last used with, or a newer one.")
    return RevisionsMissingError(plugin, revision, reason, mend, known=known)
