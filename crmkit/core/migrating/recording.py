"""Reading a revision without running it: its operations are written down instead of sent to the database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import StringIO
from threading import Lock
from typing import Any, NoReturn

import attrs
import sqlalchemy as sa
from alembic.ddl.impl import DefaultImpl
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Connection

from crmkit.core.migrating.operations import Operation, Touch, Waits, Work
from crmkit.core.text import Text, gettext as _

__all__ = ["OPERATIONS", "record_operations", "record_ownership", "record_rename", "record_taking_over"]

# ``alembic.op`` is one name for the whole process.
OPERATIONS = Lock()


def record_operations(
    change: Callable[[], None], dialect: sa.Dialect, reading: Connection | None = None
) -> list[Operation]:
    """Return what *change*, the ``upgrade`` of a revision, would do on *dialect*; the database is not touched.

    With *reading*, what crmkit itself does in revisions may ask the database what is there.

    Where it asks the database something, the list ends with an operation that says that the rest cannot be foreseen.
    """
    context = MigrationContext.configure(dialect=dialect)
    recorder = _Recorder(dialect, reading)
    context.impl = recorder
    with OPERATIONS, Operations.context(context):
        try:
            change()
        except _UnforeseeableError:
            recorder.add(_("run code of its own, which cannot be foreseen"))
    return recorder.operations


def record_rename(impl: Any, entity: str, old: str, new: str) -> bool:
    """Record that a field is renamed, if *impl* records what a revision would do; return whether it does."""
    if not isinstance(impl, _Recorder):
        return False
    template = _("rename field {old} of {entity} to {new}, also where anything that is stored names it")
    impl.add(template, impl.touch(entity.replace(".", "_"), "none"), entity=entity, old=old, new=new)
    impl.operations[-1] = attrs.evolve(impl.operations[-1], renames=((entity, old, new),))
    return True


def record_taking_over(impl: Any, entity: str, plugin: str, fields: Sequence[str], *, back: bool = False) -> bool:
    """Record that custom fields become those of an extension or are given *back*, as :func:`record_rename` does."""
    if not isinstance(impl, _Recorder):
        return False
    table = entity.replace(".", "_")
    template = (
        _("give back {fields} of {entity} from {plugin} as custom fields, with all values, masks and rules of grants")
        if back
        else _("make {fields} of {plugin} from custom fields of {entity}, with all values, masks and rules of grants")
    )
    impl.add(template, impl.touch(table, "rewrite", "writers"), fields=", ".join(fields), entity=entity, plugin=plugin)
    return True


def record_ownership(
    impl: Any, entity: str, plugin: str, is_made_here: Callable[[Connection], bool], *, back: bool = False
) -> bool | None:
    """Record that *plugin* becomes the owner of *entity*, or no longer is, and return whether it is made here.

    ``None`` says that *impl* runs the revision instead of recording what it would do.
    """
    if not isinstance(impl, _Recorder):
        return None
    if impl.reading is None or not is_made_here(impl.reading):
        return False
    template = (
        _("give back {entity} from {plugin} as an entity made at run time, with its table and its definitions")
        if back
        else _("let {plugin} own {entity}, which was made at run time, with its table, and retire its definitions")
    )
    impl.add(template, entity=entity, plugin=plugin)
    return True


class _UnforeseeableError(Exception):
    pass


class _Recorder(DefaultImpl):
    """Stands where Alembic keeps the database: each method is one kind of change."""

    def __init__(self, dialect: sa.Dialect, reading: Connection | None) -> None:
        super().__init__(dialect, None, False, None, StringIO(), {})
        self.operations: list[Operation] = []
        self.reading = reading
        self._sqlite = dialect.name == "sqlite"

    def add(self, template: Text, *touches: Touch, **facts: object) -> None:
        self.operations.append(Operation(template, facts, touches))

    def touch(self, table: Any, work: Work, waits: Waits = "everybody", *, on_sqlite: Work | None = None) -> Touch:
        # SQLite has one writer, and readers see the tables as they were until the step is done.
        return Touch(str(table), on_sqlite or work, "writers") if self._sqlite else Touch(str(table), work, waits)

    @property
    def bind(self) -> NoReturn:
        raise _UnforeseeableError

    def _exec(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise _UnforeseeableError

    def create_table(self, table: sa.Table, **_kw: Any) -> None:
        referred = {key.target_fullname.rpartition(".")[0] for key in table.foreign_keys} - {table.name}
        touches = [self.touch(name, "none", "writers") for name in sorted(referred)]
        self.add(
            _("create table {table} with {columns} columns"), *touches, table=table.name, columns=len(table.columns)
        )

    def drop_table(self, table: sa.Table, **_kw: Any) -> None:
        self.add(_("drop table {table} with all its rows"), self.touch(table.name, "none"), table=table.name)

    def rename_table(self, old_table_name: str, new_table_name: Any, schema: Any = None) -> None:
        touch = self.touch(old_table_name, "none")
        self.add(_("rename table {table} to {name}"), touch, table=old_table_name, name=str(new_table_name))

    def add_column(self, table_name: str, column: sa.Column[Any], **_kw: Any) -> None:
        touch = self.touch(table_name, "none")
        if column.server_default is None:
            self.add(_("add column {table}.{column}"), touch, table=table_name, column=column.name)
        else:
            default = getattr(column.server_default, "arg", "")
            template = _("add column {table}.{column}, in existing rows {default!r}")
            self.add(template, touch, table=table_name, column=column.name, default=str(default))

    def drop_column(self, table_name: str, column: sa.Column[Any], **_kw: Any) -> None:
        touch = self.touch(table_name, "none", on_sqlite="rewrite")
        self.add(_("drop column {table}.{column} with its values"), touch, table=table_name, column=column.name)

    def alter_column(self, table_name: str, column_name: str, **changed: Any) -> None:
        facts = {"table": table_name, "column": column_name}
        if changed.get("type_") is not None:
            touch = self.touch(table_name, "rewrite")
            self.add(
                _("change the type of {table}.{column} to {type}"), touch, type=self._shown(changed["type_"]), **facts
            )
        if changed.get("nullable") is True:
            self.add(_("let {table}.{column} be empty"), self.touch(table_name, "none", on_sqlite="rewrite"), **facts)
        if changed.get("nullable") is False:
            touch = self.touch(table_name, "read", on_sqlite="rewrite")
            self.add(_("refuse empty values in {table}.{column}"), touch, **facts)
        if changed.get("server_default", False) is not False:
            touch = self.touch(table_name, "none", on_sqlite="rewrite")
            self.add(_("change the default of {table}.{column}"), touch, **facts)
        if changed.get("name") is not None:
            touch = self.touch(table_name, "none", on_sqlite="rewrite")
            self.add(_("rename column {table}.{column} to {name}"), touch, name=str(changed["name"]), **facts)

    def _shown(self, type_: Any) -> str:
        return str(sa.types.to_instance(type_).compile(self.dialect))

    def create_index(self, index: sa.Index, **_kw: Any) -> None:
        assert index.table is not None
        template = _("create unique index {index} on {table}") if index.unique else _("create index {index} on {table}")
        self.add(template, self.touch(index.table.name, "read", "writers"), index=index.name, table=index.table.name)

    def drop_index(self, index: sa.Index, **_kw: Any) -> None:
        touches = [] if index.table is None else [self.touch(index.table.name, "none")]
        self.add(_("drop index {index}"), *touches, index=index.name)

    def add_constraint(self, const: Any, **_kw: Any) -> None:
        touches = [self.touch(const.table.name, "read", "writers", on_sqlite="rewrite")]
        for key in getattr(const, "elements", ()):
            touches.append(self.touch(key.target_fullname.rpartition(".")[0], "none", "writers"))
        self.add(_("add constraint {name} to {table}"), *touches, name=const.name or "", table=const.table.name)

    def drop_constraint(self, const: Any, **_kw: Any) -> None:
        touch = self.touch(const.table.name, "none", on_sqlite="rewrite")
        self.add(_("drop constraint {name} of {table}"), touch, name=const.name or "", table=const.table.name)

    def execute(self, sql: Any, execution_options: Any = None) -> None:
        self.add(_("run {sql}"), sql=" ".join(str(sql).split()))

    def bulk_insert(self, table: Any, rows: Any, multiinsert: bool = True) -> None:
        template = _("insert {rows} rows into {table}")
        self.add(template, self.touch(table.name, "none", "nobody"), rows=len(rows), table=table.name)
