"""What a field of money held at a moment that has passed, by the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from crmkit.core.entity import EntityInfo
from crmkit.core.errors import UnknownFieldError
from crmkit.core.fields import MoneyType
from crmkit.core.policy.visibility import Visibility
from crmkit.core.rules.portable import Portable

__all__ = ["money_relation"]


class _Changes(Portable):
    """Whether a payload of the ledger tells of a change of a field."""

    type = sa.Boolean()
    sqlite = "(json_type({0}, '$.' || {1}) IS NOT NULL)"
    postgresql = "((CAST({0} AS jsonb) -> CAST({1} AS text)) IS NOT NULL)"


class _NewAmount(Portable):
    """The new amount of money, in minor units: it is written with all digits of its currency."""

    type = sa.BigInteger()
    sqlite = "CAST(replace(json_extract({0}, '$.' || {1} || '[1].amount'), '.', '') AS INTEGER)"
    postgresql = "CAST(replace(CAST({0} AS jsonb) -> CAST({1} AS text) -> 1 ->> 'amount', '.', '') AS bigint)"


class _NewCurrency(Portable):
    """The currency of new money."""

    type = sa.String()
    sqlite = "json_extract({0}, '$.' || {1} || '[1].currency')"
    postgresql = "(CAST({0} AS jsonb) -> CAST({1} AS text) -> 1 ->> 'currency')"


def money_relation(visibility: Visibility, info: EntityInfo, field: str, at: datetime) -> sa.Subquery:
    """Return the safe relation of what *field* held *at*: ``record_id``, ``minor`` units and ``currency``.

    It has the visible records for which a value was in the ledger by then; what was erased since is not in it.

    Raises:
        UnknownFieldError: *field* is no money of the entity, or it is hidden.
    """
    found = info.fields.get(field)
    if found is None or not isinstance(found.type, MoneyType) or field not in visibility.access.entity(info).readable:
        raise UnknownFieldError(info.id, field)
    ledger, payload = visibility.schema.system.ledger, visibility.schema.system.ledger_payload
    names: list[Any] = [sa.literal(name, sa.Text()) for name in (field, *found.former)]
    place = sa.func.row_number().over(partition_by=ledger.c.record_id, order_by=ledger.c.id.desc())
    columns = (
        ledger.c.record_id,
        _either(_NewAmount(payload.c.changes, name) for name in names).label("minor"),
        _either(_NewCurrency(payload.c.changes, name) for name in names).label("currency"),
        place.label("place"),
    )
    told = (
        ledger.c.entity == info.id,
        ledger.c.at <= at,
        ledger.c.record_id.in_(visibility.visible_ids(info.id)),
        sa.or_(*(_Changes(payload.c.changes, name) for name in names)),
    )
    rows = sa.select(*columns).join_from(ledger, payload, payload.c.ledger_id == ledger.c.id).where(*told).subquery()
    newest = sa.select(rows.c.record_id, rows.c.minor, rows.c.currency)
    return newest.where(rows.c.place == 1, rows.c.minor.is_not(None)).subquery()


def _either(values: Iterable[sa.ColumnElement[Any]]) -> sa.ColumnElement[Any]:
    """Return the one of *values* that is there: a row of the ledger calls a field by one of its names."""
    first, *others = values
    return sa.func.coalesce(first, *others) if others else first
