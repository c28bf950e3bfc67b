"""Safe relations: subqueries of exactly the rows and columns that a principal may read."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from crmkit.core.entity import EntityInfo
from crmkit.core.fields import MoneyType
from crmkit.core.money import minor_digits
from crmkit.core.policy.rule_sources import VisibleSource
from crmkit.core.policy.visibility import Visibility
from crmkit.core.storage.columns import ScaledInteger
from crmkit.core.storage.custom import column_in
from crmkit.core.storage.schema import column_names, filter_column

__all__ = ["safe_relation"]


def safe_relation(visibility: Visibility, info: EntityInfo) -> sa.Subquery:
    """Return the safe relation of an entity or extension; a hidden field has no column in it, nor has an encrypted one.

    Money has its parts (``amount_minor``, ``amount_currency``, ``amount_base``) and, as ``amount``, its value in the
    company's currency as a decimal. Computed fields are columns like any other, and so are those made at run time:
    ``relation.c["custom.size"]``.
    """
    if info.host is not None:
        return _extension(visibility, info)
    table = visibility.schema.table(info)
    readable = visibility.access.entity(info).readable
    columns = _columns(visibility, info, table, readable - {"custom"})
    columns += [
        column_in(table.c, filter_column(field), field.type.columns()[-1]).label(name)
        for name, field in info.custom.items()
        if name in readable
    ]
    source = VisibleSource(visibility, info, table.c)
    columns += [source.computed(name).label(name) for name in info.computed if name in readable]
    return sa.select(*columns).where(visibility.shown(info, table.c)).subquery()


def _extension(visibility: Visibility, info: EntityInfo) -> sa.Subquery:
    host = visibility.registry.entities[str(info.host)]
    readable = visibility.access.entity(host).readable
    mine = frozenset(name for name in info.fields if f"{info.extends_as}.{name}" in readable)
    table = visibility.schema.table(info)
    source = VisibleSource(visibility, info, table.c)
    columns = [table.c.record_id, *_columns(visibility, info, table, mine)]
    computed = [name for name in info.computed if f"{info.extends_as}.{name}" in readable]
    columns += [source.computed(name).label(name) for name in computed]
    return sa.select(*columns).where(table.c.record_id.in_(visibility.visible_ids(host.id))).subquery()


def _columns(visibility: Visibility, info: EntityInfo, table: sa.Table, readable: frozenset[str]) -> list[Any]:
    found: list[Any] = []
    for field in info.fields.values():
        # What encrypts a value is of no use in a statement, so that such a field has no column either.
        if field.name in readable and not field.encrypted:
            found += [table.c[name] for name in column_names(field)]
            if isinstance(field.type, MoneyType):
                scale = minor_digits(visibility.registry.currency)
                base = sa.type_coerce(table.c[f"{field.name}_base"], ScaledInteger(scale))
                found.append(base.label(field.name))
    return found
