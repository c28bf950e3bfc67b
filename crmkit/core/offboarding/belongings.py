"""What somebody who leaves has: every record whose reference to the user is not to stay as it is.

The references are found in the registry, those of every plugin included; ``on_leave`` of each says what becomes of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import attrs
import sqlalchemy as sa

from crmkit.core.entity import EntityInfo, FieldInfo
from crmkit.core.fields import Reference
from crmkit.core.offboarding.succession import Succession
from crmkit.core.policy.rule_sources import FieldScope, VisibleSource
from crmkit.core.policy.visibility import Visibility
from crmkit.core.reading.reader import Reader
from crmkit.core.rules.check import CheckedRule, check
from crmkit.core.rules.sql import compile_rule
from crmkit.core.storage.custom import column_in
from crmkit.core.storage.schema import column_names

__all__ = ["Belonging", "belongings", "references_to_users"]


@attrs.frozen
class Belonging:
    """One record that refers to the leaver in *field*, under its qualified name.

    *split* is the place of the first split that fits, or ``None``. *told* says whether the caller may know of it.
    """

    entity: EntityInfo
    field: str
    action: str
    record_id: UUID
    split: int | None
    told: bool


def references_to_users(reader: Reader) -> Iterator[tuple[EntityInfo, FieldInfo, str]]:
    """Yield ``(entity or extension, field, action)`` of each reference that an offboarding changes."""
    for info, field in reader.model.registry.references_to("core.user"):
        if isinstance(field.type, Reference) and field.type.on_leave != "keep":
            yield info, field, field.type.on_leave


def belongings(reader: Reader, leaver: UUID, succession: Succession) -> list[Belonging]:
    """Return what *leaver* has, all of it: who may not see it decides nothing about where it goes.

    Rules see records as the caller does, so that nobody learns from where a record goes what they may not read.

    Raises:
        UnknownEntityError: a split names no entity.
        RuleError, UnknownFieldError: a split's rule is none on its entity, for the caller.
    """
    registry, found = reader.model.registry, list[Belonging]()
    visibility = Visibility(registry, reader.model.schema, reader.access, reader.moment)
    entities = [registry.entity(split.entity) for split in succession.splits]
    rules = [
        check(split.rule, FieldScope(registry, info, reader.access))
        for split, info in zip(succession.splits, entities, strict=True)
    ]
    for info, field, action in references_to_users(reader):
        host = registry.entities[info.host or info.id]
        name = f"{info.extends_as}.{field.name}" if info.extends_as else field.name
        mine = [(rule, place) for place, rule in enumerate(rules) if entities[place] is host]
        statement = _of_leaver(visibility, info, field, leaver, mine)
        readable = name in reader.access.entity(host).readable
        for id_, seen, split in reader.connection.execute(statement):
            found.append(Belonging(host, name, action, id_, split, readable and bool(seen)))
    return found


def _of_leaver(
    visibility: Visibility,
    info: EntityInfo,
    field: FieldInfo,
    leaver: UUID,
    rules: Sequence[tuple[CheckedRule, int]],
) -> sa.Select[Any]:
    """Return the records whose *field* is *leaver*: id, whether the caller sees it, and the first rule that holds."""
    host = visibility.registry.entities[info.host or info.id]
    table, side = visibility.schema.table(host), visibility.schema.table(info)
    source = VisibleSource(visibility, host, table.c)
    cases = [(compile_rule(rule, source, visibility.moment), sa.literal(place)) for rule, place in rules]
    seen = sa.case((visibility.predicate(host, table.c), 1), else_=0)
    split: sa.ColumnElement[Any] = sa.case(*cases, else_=None) if cases else sa.null()
    statement = sa.select(table.c.id, seen, split)
    if info.host is not None:
        statement = statement.join(side, side.c.record_id == table.c.id)
    refers = column_in(side.c, column_names(field)[0], field.type.columns()[-1]) == leaver
    return statement.where(table.c.deleted_at.is_(None), refers).order_by(table.c.id)
