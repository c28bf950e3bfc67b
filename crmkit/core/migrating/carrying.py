"""What is stored and names a field, and what becomes of it when the field is renamed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.engine import Connection

from crmkit.core.automating.naming import renamed_automation
from crmkit.core.entity.custom import is_custom
from crmkit.core.ids import new_id
from crmkit.core.ledger import Entry
from crmkit.core.migrating.naming import Renaming
from crmkit.core.migrating.rule_names import renamed_in_rule
from crmkit.core.publishing.naming import renamed_pipeline
from crmkit.core.shipped.role_trees import renamed_in_role
from crmkit.core.stored_names import StoredNames

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["carry_names", "names_stored", "note_changes"]

#: The entity, the id and the field of a record, with what it has and what it is to have.
Change = tuple[str, Any, str, tuple[Any, Any]]
_AUTOMATION = ("entity", "trigger", "condition", "actions")


def names_stored(crm: CRM, connection: Connection, entity: str, old: str, new: str) -> Iterator[Change]:
    """Yield each change of a record by which the field *old* of *entity* would be called *new*; nothing is written.

    Tables that are not there yet name nothing.
    """
    renaming, present = Renaming(crm.registry, entity, old, new), set(sa.inspect(connection).get_table_names())
    for stored in crm.registry.stored_names.values():
        columns = (stored.of, *stored.rules, *stored.names)
        for id_, values in _rows(crm, connection, present, stored.id, *columns):
            yield from _changes(stored.id, id_, values, _by_names(stored, values, renaming))
    for id_, values in _rows(crm, connection, present, "core.automation", *_AUTOMATION):
        yield from _changes("core.automation", id_, values, renamed_automation(values, renaming))
    for id_, values in _rows(crm, connection, present, "core.pipeline_version", "definition", "base_definition"):
        renamed = {name: renamed_pipeline(definition, renaming) for name, definition in values.items()}
        yield from _changes("core.pipeline_version", id_, values, renamed)
    for id_, values in _rows(crm, connection, present, "core.local_edit", "kind", "base", "local"):
        yield from _changes("core.local_edit", id_, values, _edit(crm, values, renaming))


def _rows(
    crm: CRM, connection: Connection, present: set[str], entity: str, *columns: str
) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    """Yield the id and the *columns* of every record of *entity*, those in the bin included."""
    table = crm.schema.tables[entity.replace(".", "_")]
    if table.name in present:
        found = sa.select(table.c.id, *(table.c[name] for name in columns))
        for row in connection.execute(found).mappings().all():
            yield row["id"], {name: row[name] for name in columns}


def _changes(entity: str, id_: Any, values: Mapping[str, Any], renamed: Mapping[str, Any]) -> Iterator[Change]:
    for name, after in renamed.items():
        if after != values.get(name):
            yield entity, id_, name, (values.get(name), after)


def _by_names(stored: StoredNames, values: Mapping[str, Any], renaming: Renaming) -> dict[str, Any]:
    """Return what *values* of a record become, as *stored* says where in them the names are."""
    on, renamed = values.get(stored.of), dict(values)
    if isinstance(on, str):
        renamed |= {name: renaming.rule(on, values.get(name)) for name in stored.rules}
        renamed |= {name: renaming.words(on, values[name]) for name in stored.names if values.get(name)}
    return renamed


def _edit(crm: CRM, values: Mapping[str, Any], renaming: Renaming) -> dict[str, Any]:
    """Return what a local edit becomes, by the kind of thing that was edited."""
    kind, base = values["kind"], values["base"]
    if kind == "role":
        in_rule = partial(renamed_in_rule, crm.registry)
        called = (renaming.entity, renaming.old, renaming.new)
        return {name: renamed_in_role(values[name], called, in_rule) for name in ("base", "local")}
    rename: Callable[..., dict[str, Any]] | None = renamed_automation if kind == "automation" else None
    if kind in crm.registry.stored_names:
        rename = partial(_by_names, crm.registry.stored_names[kind])
    return {"base": rename(base, renaming)} if rename is not None and base else {}


def carry_names(crm: CRM, connection: Connection, entity: str, old: str, new: str) -> None:
    """Rename the field where anything that is stored names it, and write down in the ledger that it was.

    A mask of all custom fields hid *old* as well; where it is one of them, the role gets a mask of *new* besides.
    """
    made = list(_covered(crm, connection, entity, old, new))
    changes = list(names_stored(crm, connection, entity, old, new))
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
    crm.model.epochs.raise_definitions(connection)


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
