"""What ``apply`` would do, before it does it: each step, the tables it touches, their rows, and who waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.entity import EntityInfo, FieldInfo
from crmkit.core.migrating.applied import State, missing, read_state
from crmkit.core.migrating.carrying import names_stored
from crmkit.core.migrating.counting import CountedTable, count_rows
from crmkit.core.migrating.data_steps import DataStep, data_steps
from crmkit.core.migrating.errors import RevisionError
from crmkit.core.migrating.operations import Operation, Touch, Waits
from crmkit.core.migrating.progress import read_progress
from crmkit.core.migrating.recording import record_operations
from crmkit.core.migrating.revisions import Revision, all_revisions, branches, depends_on, description, load_revision
from crmkit.core.storage.database_objects import missing_objects
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["Gap", "Plan", "Step", "TouchedTable", "plan"]


@attrs.frozen
class TouchedTable:
    """A table that exists already and that a step changes.

    *read* says that the step reads every row, *rewritten* that it writes every row anew. *waits* says who cannot use
    the table until the step is done: ``nobody``, ``writers`` or ``everybody``.
    """

    name: str
    rows: int
    read: bool
    rewritten: bool
    waits: Waits


@attrs.frozen
class Step:
    """One revision that the database lacks."""

    plugin: str
    revision: str
    description: str
    operations: tuple[Operation, ...]
    tables: tuple[TouchedTable, ...]


@attrs.frozen
class Gap:
    """A required field of an extension that *records* stored before it have not; it binds when one is next written."""

    entity: str
    field: str
    records: int


@attrs.frozen
class Plan:
    """What apply does, in order.

    Parked tables are restored, the steps run, and triggers, sequences and functions are made anew.
    """

    steps: tuple[Step, ...]
    objects: tuple[str, ...]
    gaps: tuple[Gap, ...]
    restored: tuple[CountedTable, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the database is as it must be; gaps are the business of whoever fills in the records."""
        return not self.steps and not self.objects and not self.restored


def plan(crm: CRM, *, without: Collection[str] = ()) -> Plan:
    """Return what :func:`apply` would do to the database of *crm*; nothing is changed.

    *without* names plugins that the database knows and *crm* may do without.

    Raises:
        RevisionsMissingError: the database was changed by revisions that are not here.
        RevisionError: a revision file is not what it must be.
    """
    with crm.storage.reading() as connection:
        state = read_state(connection)
        todo = waiting(crm, state, without)
        stored = {name: kept for plugin in branches(crm) for name, kept in _parked(state, plugin).items()}
        tables = frozenset(sa.inspect(connection).get_table_names())
        restored = tuple(CountedTable(name, count_rows(connection, kept)) for name, kept in stored.items())
        steps = tuple(_step(crm, revision, connection, tables) for revision in todo)
        # The first revision of the core makes the tables that such objects hang on.
        missing = tuple(missing_objects(connection, crm.registry, crm.schema))
        return Plan(steps, missing, tuple(_gaps(crm, connection, tables)), restored)


def _parked(state: State, plugin: str) -> Mapping[str, str]:
    return state.parked[plugin].away if plugin in state.parked else {}


def waiting(crm: CRM, state: State, without: Collection[str] = ()) -> list[Revision]:
    """Return the revisions to run, after checking that none is missing and that each comes after those it needs.

    Raises:
        RevisionsMissingError: the database was changed by revisions that are not here.
        RevisionError: a revision depends on one that nobody has.
    """
    for problem in missing(crm, state, without):
        raise problem
    todo, known = list[Revision](), set(state.applied)
    for revision in all_revisions(crm):
        if revision.id not in state.applied:
            _check_dependencies(revision, known)
            known.add(revision.id)
            todo.append(revision)
    return todo


def _check_dependencies(revision: Revision, known: Collection[str]) -> None:
    for other in depends_on(load_revision(revision)):
        if other not in known:
            message = _(
                "depends on {other}, which no enabled plugin has; require and install the plugin version with it"
            )
            raise RevisionError(revision.id, message, other=other)


def _step(crm: CRM, revision: Revision, connection: Connection, tables: Collection[str]) -> Step:
    module = load_revision(revision)
    progress = read_progress(connection, revision)
    operations = [] if progress else record_operations(module.upgrade, connection.dialect, connection)
    for place, step in enumerate(data_steps(module)):
        if progress is None or progress.place <= place:
            done = progress.rows if progress and progress.place == place else 0
            operations.append(_in_batches(connection, step, done, tables))
    if hasattr(module, "finish"):
        operations += record_operations(module.finish, connection.dialect, connection)
    operations += [told for operation in operations for told in _carried(crm, connection, operation)]
    touched = touched_tables(operations, connection, tables)
    return Step(revision.plugin, revision.id, description(module), tuple(operations), touched)


def _carried(crm: CRM, connection: Connection, operation: Operation) -> Iterator[Operation]:
    """Yield what is stored and is changed because *operation* renames a field, by the entity that keeps it."""
    for entity, old, new in operation.renames:
        records = {(kind, id_) for kind, id_, _name, _change in names_stored(crm, connection, entity, old, new)}
        for kind, count in sorted(Counter(kind for kind, _id in records).items()):
            facts = {"count": count, "kind": kind, "old": old}
            touch = Touch(kind.replace(".", "_"), "read", "writers")
            yield Operation(_("call {old} anew in records of {kind}: {count}"), facts, (touch,))
        yield Operation(_("files and programs that name {old} stay: plans of imports, code"), {"old": old})


def _in_batches(connection: Connection, step: DataStep, done: int, tables: Collection[str]) -> Operation:
    rows = count_rows(connection, step.table) if step.table in tables else 0
    facts = {"what": step.description, "table": step.table, "rows": rows, "done": done}
    if done:
        return Operation(_("in batches, {rows:,} rows of {table}, of which {done:,} are done: {what}"), facts)
    return Operation(_("in batches, {rows:,} rows of {table}: {what}"), facts)


def touched_tables(
    operations: Sequence[Operation], connection: Connection, tables: Collection[str]
) -> tuple[TouchedTable, ...]:
    """Return those of *tables* that *operations* touch, with their rows."""
    found: dict[str, Touch] = {}
    for operation in operations:
        for touch in operation.touches:
            found[touch.table] = found[touch.table].with_(touch) if touch.table in found else touch
    return tuple(_touched(found[name], connection) for name in sorted(found) if name in tables)


def _touched(touch: Touch, connection: Connection) -> TouchedTable:
    rows = count_rows(connection, touch.table)
    return TouchedTable(touch.table, rows, touch.work != "none", touch.work == "rewrite", touch.waits)


def _gaps(crm: CRM, connection: Connection, tables: Collection[str]) -> Iterator[Gap]:
    for host, extensions in crm.registry.extensions.items():
        for info in extensions.values():
            required = [field for field in info.fields.values() if not field.nullable and not field.has_default]
            if required and crm.registry.entities[host].table in tables:
                yield from _gaps_of(crm, info, required, connection, tables)


def _gaps_of(
    crm: CRM, info: EntityInfo, required: Sequence[FieldInfo], connection: Connection, tables: Collection[str]
) -> Iterator[Gap]:
    host = crm.schema.table(crm.registry.entities[str(info.host)])
    lacking = [host.c.deleted_at.is_(None)]
    if info.table in tables:
        lacking.append(host.c.id.not_in(sa.select(crm.schema.table(info).c.record_id)))
    records = count_rows(connection, host, *lacking)
    yield from (Gap(str(info.host), f"{info.plugin}.{field.name}", records) for field in required if records)
