"""Renaming a field, with everything in the database that calls it by its name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.engine import Connection

from crmkit.core.entity.custom import is_custom
from crmkit.core.ids import new_id
from crmkit.core.ledger import Entry
from crmkit.core.migrating.errors import RevisionError
from crmkit.core.migrating.recording import record_rename
from crmkit.core.migrating.rule_names import renamed_in_rule
from crmkit.core.shipped.role_trees import renamed_in_role
from crmkit.core.storage.schema import index_name
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["carry_policy", "note_changes", "rename_field"]

# What follows a field's name in the columns of money, of references to any record, and of what is encrypted.
_SUFFIXES = ("_minor", "_currency", "_base", "_entity", "_id", "_sealed", "_index")


def rename_field(entity: str, old: str, new: str) -> None:
    """Rename the field *old* of *entity* to *new*, inside the ``upgrade`` or ``downgrade`` of a revision.

    Its columns and their indexes are renamed, and so is the field in the masks and in the rules of grants that
    administrators made, also in those of shipped roles that they edited; each of those changes is in the ledger.
    Declare the field with ``formerly=old``, so that the history of records tells its earlier values under the new
    name.

    Raises:
        RevisionError: the entity's table has no such field.
    """
    if record_rename(op.get_context().impl, entity, old, new):
        return
    connection = op.get_bind()
    _rename_columns(connection, entity.replace(".", "_"), old, new)
    carry_policy(op.get_context().opts["crm"], connection, entity, old, new)


def _rename_columns(connection: Connection, table: str, old: str, new: str) -> None:
    inspector = sa.inspect(connection)
    present = [column["name"] for column in inspector.get_columns(table)] if inspector.has_table(table) else []
    found = [old] if old in present else [old + suffix for suffix in _SUFFIXES if old + suffix in present]
    if not found:
        raise RevisionError(f"{table}.{old}", _("there is no such field"))
    names = {column: new + column.removeprefix(old) for column in found}
    quoted = connection.dialect.identifier_preparer.quote
    indexes = inspector.get_indexes(table)
    for before, after in names.items():
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME COLUMN {quoted(before)} TO {quoted(after)}")
    for index in indexes:
        columns = [str(column) for column in index["column_names"]]
        prefix = "uq" if index["unique"] else "ix"
        if index["name"] == index_name(prefix, table, columns) and set(columns) & names.keys():
            _rename_index(connection, str(index["name"]), index_name(prefix, table, [names.get(c, c) for c in columns]))


def _rename_index(connection: Connection, old: str, new: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"ALTER INDEX {old} RENAME TO {new}")
        return
    # SQLite has no other way than to make it again.
    made = sa.text("SELECT sql FROM sqlite_master WHERE type = 'index' AND name = :name")
    ddl: str = connection.execute(made, {"name": old}).scalar_one()
    connection.exec_driver_sql(f"DROP INDEX {old}")
    connection.exec_driver_sql(ddl.replace(old, new, 1))


def carry_policy(crm: CRM, connection: Connection, entity: str, old: str, new: str) -> None:
    """Rename the field where administrators named it, and write down in the ledger that it was.

    A mask of all custom fields hid *old* as well; where it is one of them, the role gets a mask of *new* besides.
    """
    made = list(_covered(crm, connection, entity, old, new))
    kinds = (_masks, _grants, _local_edits)
    changes = [change for kind in kinds for change in kind(crm, connection, entity, old, new)]
    if not changes and not made:
        return
    now = crm.clock.now()
    for kind, id_, name, (_before, after) in changes:
        table = crm.schema.tables[kind.replace(".", "_")]
        values = {name: after, "version": table.c.version + 1, "updated_at": now}
        connection.execute(sa.update(table).where(table.c.id == id_).values(values))
    cause = f"migration: {op.get_context().opts['revision']}"
    entries = [Entry(kind, id_, "update", {name: change}, cause, 0) for kind, id_, name, change in changes]
    created = [
        Entry("core.mask", mask.pop("id"), "create", {n: (None, v) for n, v in mask.items()}, cause, 0) for mask in made
    ]
    note_changes(crm, connection, [*entries, *created])
    crm.model.epochs.raise_policy(connection)


def note_changes(crm: CRM, connection: Connection, entries: Sequence[Entry]) -> None:
    """Write *entries* into the ledger, as of now, and announce them."""
    now, ledger = crm.clock.now(), crm.model.ledger
    ledger.announce(connection, *ledger.append(connection, entries, now, None, None), now)


def _covered(crm: CRM, connection: Connection, entity: str, old: str, new: str) -> Iterator[dict[str, Any]]:
    """Make a mask of *new* for each role from which a mask of all custom fields hid *old*; yield what they say."""
    if not is_custom(old):
        return
    mask, now = crm.schema.tables["core_mask"], crm.clock.now()
    columns = (mask.c.role_id, mask.c.access)
    alive = (mask.c.entity == entity, mask.c.field_name == "custom", mask.c.deleted_at.is_(None))
    for row in connection.execute(sa.select(*columns).where(*alive)).mappings().all():
        said = {"id": new_id(), **row, "entity": entity, "field_name": new}
        kept = {"version": 1, "created_at": now, "updated_at": now, "custom": {}}
        connection.execute(sa.insert(mask).values({**said, **kept}))
        yield said


Change = tuple[str, Any, str, tuple[Any, Any]]


def _masks(crm: CRM, connection: Connection, entity: str, old: str, new: str) -> Iterator[Change]:
    mask = crm.schema.tables["core_mask"]
    found = sa.select(mask.c.id).where(mask.c.entity == entity, mask.c.field_name == old)
    for id_ in connection.scalars(found).all():
        yield "core.mask", id_, "field_name", (old, new)


def _grants(crm: CRM, connection: Connection, entity: str, old: str, new: str) -> Iterator[Change]:
    grant = crm.schema.tables["core_grant"]
    found = sa.select(grant.c.id, grant.c.entity, grant.c.rule).where(grant.c.rule.is_not(None))
    for id_, on, rule in connection.execute(found).all():
        after = renamed_in_rule(crm.registry, rule, on, (entity, old, new))
        if after != rule:
            yield "core.grant", id_, "rule", (rule, after)


def _local_edits(crm: CRM, connection: Connection, entity: str, old: str, new: str) -> Iterator[Change]:
    edit = crm.schema.tables["core_local_edit"]
    found = sa.select(edit.c.id, edit.c.base, edit.c.local).where(edit.c.kind == "role")
    for row in connection.execute(found).mappings().all():
        for name in ("base", "local"):
            after = renamed_in_role(row[name], (entity, old, new), partial(renamed_in_rule, crm.registry))
            if after != row[name]:
                yield "core.local_edit", row["id"], name, (row[name], after)
