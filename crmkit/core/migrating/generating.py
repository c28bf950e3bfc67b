"""Making a revision: the difference between what a plugin's revisions make and what it declares."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from alembic.operations import ops
from sqlalchemy.engine import Connection

from crmkit.core.fields import Column as Slot
from crmkit.core.migrating.applying import apply
from crmkit.core.migrating.comparing import compare, in_words, unclaimed
from crmkit.core.migrating.conversions import Conversion, conversions
from crmkit.core.migrating.errors import RevisionRefusedError
from crmkit.core.migrating.rendering import render_revision
from crmkit.core.migrating.revisions import CORE, branches, migrations_folder, revision_id, revisions_of
from crmkit.core.migrating.scratch import scratch_crm
from crmkit.core.registry import Registry
from crmkit.core.storage.schema import slots
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["make_revision"]


def make_revision(crm: CRM, plugin: str, message: str, *, empty: bool = False, not_renamed: bool = False) -> Path:
    """Write the next revision of *plugin* into its ``migrations`` folder and return the file.

    It holds what lies between the plugin's revisions and its declarations, found on a database made for the purpose:
    the one of *crm* is neither read nor changed. Afterwards the file is tried there. With *empty* it holds nothing,
    for you to write. A new column beside one that no field claims any more, of the same type, is taken for that one
    under another name, which *not_renamed* denies.

    Raises:
        RevisionRefusedError: there is nothing to do, the plugin is no package, a plugin it requires lacks a revision,
            a column looks renamed, or existing records would have no value for a new field.
        RevisionError: a revision file is not what it must be.
    """
    folder = migrations_folder(crm, plugin)
    if folder is None:
        raise RevisionRefusedError(plugin, _("only a plugin that is a package has a folder for revisions"))
    number = len(revisions_of(crm, plugin)) + 1
    path = folder / f"{number:04}_{_slug(message)}.py"
    with scratch_crm(crm) as scratch:
        apply(scratch)
        upgrade, steps = ([], []) if empty else _upgrade(scratch, plugin, not_renamed)
        folder.mkdir(exist_ok=True)
        path.write_text(_text(crm, plugin, number, message, upgrade, steps), encoding="utf-8")
        _try_out(scratch, plugin, path, empty)
    return path


def _slug(message: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")[:60] or "change"


def _upgrade(scratch: CRM, plugin: str, not_renamed: bool) -> tuple[list[ops.MigrateOperation], list[Conversion]]:
    _check_required(scratch, plugin)
    with scratch.storage.reading() as connection:
        different = compare(connection, scratch.schema, {plugin})
        steps = list(conversions(connection, scratch, plugin, different))
        if not not_renamed:
            old = {(step.table, name) for step in steps for name in step.old}
            _check_unrenamed(scratch, connection, plugin, different, old)
        new = {id(step.added) for step in steps}
        found = [_filled(each, scratch.registry, new) for each in different]
    if not found:
        raise RevisionRefusedError(plugin, _("its revisions make what it declares; there is nothing to do"))
    return found, steps


def _check_unrenamed(
    scratch: CRM,
    connection: Connection,
    plugin: str,
    different: Sequence[ops.MigrateOperation],
    converted: Collection[tuple[str, str]],
) -> None:
    """Refuse a new column that seems to be an old one: its values would stay behind under the old name.

    The old columns in *converted* are known to be something else.
    """
    added = [(each.table_name, each.column) for each in different if isinstance(each, ops.AddColumnOp)]
    for table, old in unclaimed(connection, scratch.schema, {plugin}):
        for where, new in added:
            same = old["type"].compile(connection.dialect) == new.type.compile(connection.dialect)
            if where == table and same and (table, old["name"]) not in converted:
                message = _(
                    "looks like {old} under another name, and would not get its values. If it is that, write "
                    "rename_field into a revision of your own, with --empty; if it is something new, add --not-renamed"
                )
                raise RevisionRefusedError(f"{table}.{new.name}", message, old=old["name"])


def _check_required(scratch: CRM, plugin: str) -> None:
    for required in _required(scratch, plugin):
        owns = any(table.info["owner"] == required for table in scratch.schema.metadata.tables.values())
        if owns and not revisions_of(scratch, required):
            raise RevisionRefusedError(
                plugin, _("it requires {other}, which has no revision yet: make that first"), other=required
            )


def _required(crm: CRM, plugin: str) -> list[str]:
    if plugin == CORE:
        return []
    manifest = next(loaded.manifest for loaded in crm.plugins if loaded.name == plugin)
    return [name for name in branches(crm) if name == CORE or name in manifest.requires]


def _filled(operation: ops.MigrateOperation, registry: Registry, converted: Collection[int]) -> ops.MigrateOperation:
    """Return *operation*; a new column that may not be empty gets the field's default in existing rows.

    Those in *converted* may be empty until a data step has filled them.
    """
    if not isinstance(operation, ops.AddColumnOp):
        return operation
    column, table = operation.column, operation.table_name
    if column.nullable or column.server_default is not None:
        return operation
    if id(column) in converted:
        return ops.AddColumnOp(table, sa.Column(column.name, column.type, nullable=True))
    default = _default(registry, table, str(column.name))
    return ops.AddColumnOp(table, sa.Column(column.name, column.type, nullable=False, server_default=default))


def _default(registry: Registry, table: str, column: str) -> str:
    where = f"{table}.{column}"
    for field, slot, name in (found for info in registry.tables() if info.table == table for found in slots(info)):
        if name == column:
            part = field.type.split(field.default())[[s.suffix for s in field.columns()].index(slot.suffix)]
            if part is not None and not isinstance(part, UUID):
                return _literal(part, slot)
    message = _(
        "existing rows would have no value; give the field a default, let it be empty, or write the revision yourself"
    )
    raise RevisionRefusedError(where, message)


def _literal(part: Any, slot: Slot) -> str:
    """Return *part* as text that both databases take for a default of its column."""
    match part:
        case bool() | int():
            return str(int(part))
        case Decimal():
            return str(int(part.scaleb(slot.scale)))
        case datetime():
            return part.astimezone(UTC).isoformat(timespec="microseconds")
        case date():
            return part.isoformat()
        case str() if slot.kind == "text":
            return part
        case _:
            return msgspec.json.encode(part).decode()


def _text(
    crm: CRM,
    plugin: str,
    number: int,
    message: str,
    upgrade: Sequence[ops.MigrateOperation],
    steps: Sequence[Conversion],
) -> str:
    first = number == 1
    newest = (revisions_of(crm, required)[-1:] for required in _required(crm, plugin))
    needs = tuple(revision.id for found in newest for revision in found)
    header = {
        "revision": revision_id(plugin, number),
        "down_revision": None if first else revision_id(plugin, number - 1),
        "branch_labels": (plugin,) if first else None,
        "depends_on": needs or None,
    }
    return render_revision(header, message.strip().rstrip("."), upgrade, list(_reversed(upgrade)), steps)


def _reversed(upgrade: Sequence[ops.MigrateOperation]) -> Iterator[ops.MigrateOperation]:
    made = {operation.table_name for operation in upgrade if isinstance(operation, ops.CreateTableOp)}
    for operation in reversed(upgrade):
        # The indexes of a table go with it.
        if not (isinstance(operation, ops.CreateIndexOp) and operation.table_name in made):
            yield operation.reverse()


def _try_out(scratch: CRM, plugin: str, path: Path, empty: bool) -> None:
    """Apply the new revision where all others are; a file that does not do what it is for is not left behind."""
    try:
        apply(scratch)
        with scratch.storage.reading() as connection:
            left = [] if empty else compare(connection, scratch.schema, {plugin})
            words = "; ".join(str(operation) for operation in in_words(left, connection.dialect))
    except BaseException:
        path.unlink()
        raise
    if left:
        path.unlink()
        raise RevisionRefusedError(
            plugin, _("this cannot be generated, write the revision yourself: {words}"), words=words
        )
