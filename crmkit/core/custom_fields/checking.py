"""What may be written of a custom field: what it says makes sense, and nothing in use vanishes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import sqlalchemy as sa

from crmkit.core.custom_fields.types import field_type
from crmkit.core.errors import FieldProblem
from crmkit.core.fields import Choice, FieldType, MultiChoice, Reference, Refused, Text
from crmkit.core.registry import CORE, Registry
from crmkit.core.representing.plain import from_plain
from crmkit.core.storage.custom import custom_value
from crmkit.core.text import are_labels, gettext as _
from crmkit.core.writing.changes import Write

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["check_definitions", "check_reference", "free_slot", "leads_elsewhere", "name_slot"]

# Two underscores stand between a key and what tells slots of one key apart.
_KEY = re.compile(r"(?!.*__)[a-z][a-z0-9_]{0,40}\Z")
_PERMANENT = ("entity", "key", "type")


def check_definitions(writer: Writer, write: Write) -> Iterator[FieldProblem]:
    """Yield a problem for each value of a ``core.custom_field`` that makes no sense, or would lose something."""
    if write.entity.id != "core.custom_field" or write.kind not in ("create", "update", "restore"):
        return
    if write.kind == "restore" and write.stored["purged_at"] is not None:
        yield FieldProblem("purged_at", _("its values were purged; add a new field"), "permanent")
    if None in (write.get(name) for name in ("entity", "key", "type")):
        return  # That a value is missing is told already.
    registry = writer.model.registry
    yield from _check_place(registry, write)
    labels = write.get("labels")
    if not are_labels(labels):
        yield FieldProblem("labels", _("labels are texts by locale: {example}"), example='{"zh_CN": "…"}')
    if write.get("personal") and not write.get("purpose"):
        yield FieldProblem("purpose", _("say what the personal data are kept for"), "required")
    try:
        kind = field_type(write.get("type"), write.get("options"))
    except Refused as refused:
        yield FieldProblem("options", refused.message, **refused.facts)
        return
    try:
        from_plain(kind, write.get("default"))
    except Refused as refused:
        yield FieldProblem("default", refused.message, **refused.facts)
    if write.get("search") and not isinstance(kind, Text):
        yield FieldProblem("search", _("text can be searched, other values cannot"))
    yield from check_reference(registry, write.get("key"), kind)
    if write.stored and write.changes("options") and not write.changes("type"):
        yield from _check_kept(write, kind)
        if isinstance(kind, Choice):
            yield from _check_choices(writer, write, kind)


def _check_place(registry: Registry, write: Write) -> Iterator[FieldProblem]:
    entity, key = write.get("entity"), write.get("key")
    for name in _PERMANENT:
        if write.stored and write.changes(name) and not write.details.get("converted"):
            yield FieldProblem(name, _("stays as it is; add another field, or convert this one"), "permanent")
    if entity not in registry.entities or entity.startswith("core.custom_"):
        yield FieldProblem("entity", _("there is no entity {entity!r}"), entity=entity)
    elif (declared := registry.entities[entity].custom.get(f"custom.{key}")) and declared.owner != CORE:
        yield FieldProblem("key", _("the plugin {plugin} declares this field"), "taken", plugin=declared.owner)
    if not _KEY.match(key):
        yield FieldProblem("key", _("{value!r} is no key such as 'shoe_size'"), value=key)


def check_reference(registry: Registry, key: str, kind: FieldType) -> Iterator[FieldProblem]:
    """Yield a problem if the field *key* is a reference to what is not there, or has no name of one."""
    if isinstance(kind, Reference):
        if kind.entity not in registry.entities:
            yield FieldProblem("options", _("there is no entity {entity!r}"), entity=kind.entity)
        if not key.endswith("_id"):
            yield FieldProblem("key", _("a reference's name ends in _id"))


def _check_kept(write: Write, kind: FieldType) -> Iterator[FieldProblem]:
    """Yield a problem if what records keep would mean something else under the new options."""
    if write.details.get("converted"):
        return
    before = field_type(write.stored["type"], write.stored["options"])
    if before.columns()[-1].scale != kind.columns()[-1].scale:
        do = f"crmkit field convert {write.get('entity')} {write.get('key')} --to {write.get('type')} --options …"
        message = _("values are kept with the decimals that they have; convert the field: {do}")
        yield FieldProblem("options", message, "permanent", do=do)
    yield from leads_elsewhere(before, kind)


def leads_elsewhere(before: FieldType, after: FieldType) -> Iterator[FieldProblem]:
    """Yield a problem if both are references, and the ids that records keep would be read as those of others."""
    if isinstance(before, Reference) and isinstance(after, Reference) and before.entity != after.entity:
        message = _("values name records of {entity}; add another field")
        yield FieldProblem("options", message, "permanent", entity=before.entity)


def _check_choices(writer: Writer, write: Write, kind: Choice) -> Iterator[FieldProblem]:
    before = field_type(write.stored["type"], write.stored["options"])
    # A conversion leaves the old choices behind with their slot.
    for slug in before.slugs if isinstance(before, Choice) and not write.details.get("converted") else ():
        if slug not in kind.slugs and _is_used(writer, write, kind, slug):
            yield FieldProblem("options", _("records have the choice {slug!r}; keep it"), "in-use", slug=slug)


def _is_used(writer: Writer, write: Write, kind: Choice, slug: str) -> bool:
    """Return whether any record, in the bin or not, has *slug*."""
    info = writer.model.registry.entities.get(write.get("entity"))
    if info is None:
        return False
    table = writer.model.schema.table(info)
    value: Any = custom_value(table.c.custom, write.stored["slot"], kind.columns()[-1])
    has = value.contains(f"|{slug}|", autoescape=True) if isinstance(kind, MultiChoice) else value == slug
    return writer.connection.scalar(sa.select(sa.literal(1)).where(has).limit(1)) is not None


def name_slot(writer: Writer, write: Write) -> None:
    """Give a new field a slot that no field has or had: what an earlier field of its name held is not its own."""
    if write.entity.id != "core.custom_field" or write.kind != "create":
        return
    write.values["slot"] = free_slot(writer, write.values["entity"], write.values["key"])


def free_slot(writer: Writer, entity: str, key: str) -> str:
    """Return a slot for the field *key* of *entity* that none has or had, converted and removed ones included."""
    table = writer.model.schema.tables["core_custom_field"]
    earlier = sa.select(table.c.id).where(table.c.entity == entity, table.c.key == key).limit(1)
    return key if writer.connection.scalar(earlier) is None else f"{key}__{uuid4().hex[:8]}"
