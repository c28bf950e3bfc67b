"""Giving a custom field another type: every value is converted by a stated rule, and what cannot be is told first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import msgspec
import sqlalchemy as sa

from crmkit.core.custom_fields.checking import check_reference, free_slot, leads_elsewhere
from crmkit.core.custom_fields.entity import CustomField
from crmkit.core.custom_fields.types import field_type
from crmkit.core.errors import CrmkitError, FieldProblem, ForbiddenError, ValidationError
from crmkit.core.fields import Decimals, FieldType, Integer, MultiChoice, Reference, Refused, Text
from crmkit.core.fields.base import shortened
from crmkit.core.ledger import Entry
from crmkit.core.merging.redirects import winners_of
from crmkit.core.representing.plain import from_plain
from crmkit.core.storage.custom import column_in, from_json, to_json
from crmkit.core.storage.locks import locked
from crmkit.core.text import gettext as _, translate
from crmkit.core.writing.changes import Write

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["FieldConversion", "FieldConversionError", "convert_field"]

_BATCH = 1_000
_TOLD = 20


@attrs.frozen
class FieldConversion:
    """What a conversion does, or did: how many *records* have a value, and which values cannot be converted.

    *refused* are up to twenty of them, each with its reason; there are *failures* in all. They are told to those who
    may read the field of every record.
    """

    records: int
    failures: int
    refused: tuple[tuple[str, str], ...]


class FieldConversionError(CrmkitError):
    """Values cannot be converted, so that nothing was; *conversion* tells which."""

    code = "field-conversion"
    template = _("{failures:,} of {records:,} values cannot be converted, such as {example}.")

    def __init__(self, conversion: FieldConversion) -> None:
        """Tell the first of what *conversion* refused."""
        self.conversion = conversion
        value, reason = conversion.refused[0] if conversion.refused else ("…", "…")
        facts = {"failures": conversion.failures, "records": conversion.records}
        super().__init__(**facts, example=f"{value}: {reason}")


def convert_field(
    writer: Writer, field: CustomField, to: str, options: Any = None, *, dry_run: bool = False, leave: bool = False
) -> FieldConversion:
    """Give *field* the type *to* with *options*, convert the value of each record, and return what that did.

    Values go through text: ``12`` becomes ``"12"`` and back, a date its ISO form, a choice its slug. The id of a record
    becomes a reference where the principal sees that record, and one that was merged leads to what it went into. With
    *dry_run* nothing is changed. With *leave* values that cannot be converted become empty. What was there before stays
    parked in the old slot; the ledger has old and new of each record.

    Raises:
        ForbiddenError: the principal may not change the field.
        NotFoundError: it is gone, or not visible.
        ValidationError: there is no such type, or its options make no sense.
        FieldConversionError: values cannot be converted, and *leave* does not say that they may go.
    """
    field = writer.get(CustomField, field.id)
    if not writer.access.is_system and not writer.may("update", field):
        raise ForbiddenError("core.custom_field", "update", field.id)
    old = field_type(field.type, field.options)
    try:
        new = field_type(to, options or {})
    except Refused as refused:
        problem = FieldProblem("options", refused.message, **refused.facts)
        raise ValidationError("core.custom_field", [problem]) from None
    if problems := [*leads_elsewhere(old, new), *check_reference(writer.model.registry, field.key, new)]:
        raise ValidationError("core.custom_field", problems)
    conversion = _tried(writer, field, old, new)
    if dry_run:
        return conversion
    if conversion.failures and not leave:
        raise FieldConversionError(conversion)
    slot = free_slot(writer, field.entity, field.key)
    _convert(writer, field, old, new, slot)
    info = writer.model.registry.entity(CustomField)
    values = {
        "type": to,
        "options": options or {},
        "default": None,
        "search": field.search and isinstance(new, Text),
        "slot": slot,
        "former": [*(field.former or ()), field.slot],
    }
    writer.take(Write("update", info, field.id, values, trusted=True, details={"converted": True}))
    return conversion


def _tried(writer: Writer, field: CustomField, old: FieldType, new: FieldType) -> FieldConversion:
    records, failures, refused = 0, 0, list[tuple[str, str]]()
    for rows in _batches(writer, field, old):
        records += len(rows)
        for _id, value, after in _changed(writer, old, new, rows):
            if isinstance(after, Refused):
                failures += 1
                if len(refused) < _TOLD:
                    refused.append((shortened(value), translate(after.message).format_map(after.facts)))
    return FieldConversion(records, failures, tuple(refused) if _reads_all(writer, field) else ())


def _reads_all(writer: Writer, field: CustomField) -> bool:
    """Return whether the principal may read *field* of all records, so that its values are no secret."""
    access = writer.access.entity(writer.model.registry.entities[field.entity])
    whole = access.scope("read").level == "all" and not access.restrictions.get("read")
    return whole and f"custom.{field.key}" in access.readable


def _changed(
    writer: Writer, old: FieldType, new: FieldType, rows: Sequence[tuple[UUID, Any]]
) -> Iterator[tuple[UUID, Any, Any]]:
    """Yield the id, the value and the converted value of each of *rows*, or the refusal where there is none."""
    change = _change(old, new)
    after = [_attempted(change, value) for _id, value in rows]
    if isinstance(new, Reference) and not isinstance(old, Reference):
        after = _leading(writer, new.entity, after)
    yield from ((id_, value, found) for (id_, value), found in zip(rows, after, strict=True))


def _attempted(change: Callable[[Any], Any], value: Any) -> Any:
    try:
        return change(value)
    except Refused as refused:
        return refused


def _leading(writer: Writer, entity: str, values: Sequence[Any]) -> list[Any]:
    """Return *values* as references to *entity*, and a refusal where one leads nowhere or to what is not seen."""
    info, ids = writer.model.registry.entities[entity], {value for value in values if isinstance(value, UUID)}
    known = writer.known_ids(info, list(ids), is_trusted=False)
    winners = winners_of(writer, info, ids - known)
    known |= writer.known_ids(info, list(set(winners.values())), is_trusted=False)

    def lead(value: Any) -> Any:
        to = winners.get(value, value)
        if isinstance(value, Refused) or to in known:
            return to
        return Refused(_("there is no {entity} {reference}"), entity=entity, reference=str(value))

    return [lead(value) for value in values]


def _change(old: FieldType, new: FieldType) -> Callable[[Any], Any]:
    """Return what turns a value of *old* into one of *new*."""

    def change(value: Any) -> Any:
        if isinstance(new, MultiChoice):
            return new.normalise(value if isinstance(old, MultiChoice) else (str(value),))
        if isinstance(value, tuple):
            if len(value) > 1 and not isinstance(new, Text):
                raise Refused(_("{value!r} are several choices"), value=shortened(", ".join(value)))
            value = ", ".join(value)
        return from_plain(new, _plain(value, new))

    return change


def _plain(value: Any, new: FieldType) -> Any:
    if isinstance(new, type(value)) or (isinstance(value, bool) and new.python is bool):
        return value
    text = format(value, "f") if isinstance(value, Decimal) else _as_text(value)
    if isinstance(new, Integer):
        number = from_plain(Decimals(scale=9), text)
        if number != number.to_integral_value():
            raise Refused(_("{value} is no whole number"), value=text)
        return int(number)
    if isinstance(new, Decimals):
        return Decimal(text) if _is_number(text) else text
    return _as_truth(text) if new.python is bool else text


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _as_truth(text: str) -> Any:
    return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except ArithmeticError:
        return False


def _batches(writer: Writer, field: CustomField, old: FieldType) -> Iterator[Sequence[tuple[UUID, Any]]]:
    """Yield the ids and values of all records that have one, deleted ones too, locked against other writers."""
    table = writer.model.schema.table(writer.model.registry.entities[field.entity])
    raw = column_in(table.c, f"custom.{field.slot}", old.columns()[-1])
    asked = sa.select(table.c.id, table.c.custom).where(raw.is_not(None)).order_by(table.c.id).limit(_BATCH)
    decode, reached = from_json(old), None
    while True:
        batch = asked if reached is None else asked.where(table.c.id > reached)
        found = writer.connection.execute(locked(batch, table, writer.model.storage.dialect.name, "change")).all()
        if not found:
            return
        yield [(row.id, decode(row.custom[field.slot])) for row in found]
        reached = found[-1].id


def _convert(writer: Writer, field: CustomField, old: FieldType, new: FieldType, slot: str) -> None:
    table = writer.model.schema.table(writer.model.registry.entities[field.entity])
    encode, sqlite = to_json(new), writer.model.storage.is_sqlite
    value = sa.bindparam("given", type_=sa.Text())
    put: Any = (
        sa.func.json_set(table.c.custom, f"$.{slot}", sa.func.json(value))
        if sqlite
        else sa.func.jsonb_set(table.c.custom, sa.text(f"'{{{slot}}}'"), sa.cast(value, table.c.custom.type))
    )
    update = (
        sa.update(table)
        .where(table.c.id == sa.bindparam("row", type_=table.c.id.type))
        .values(custom=sa.type_coerce(put, table.c.custom.type), version=table.c.version + 1, updated_at=writer.now)
    )
    name = f"custom.{slot}"
    for rows in _batches(writer, field, old):
        entries, given = [], []
        for id_, before, converted in _changed(writer, old, new, rows):
            after = None if isinstance(converted, Refused) else converted
            entries.append(Entry(field.entity, id_, "update", {name: (before, after)}, writer.cause, 0))
            given.append({"row": id_, "given": msgspec.json.encode(encode(after)).decode()})
        writer.connection.execute(update, given)
        writer.note(entries)
        writer.flush()
