"""What may be written of an entity made at run time, and the table that it gets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmkit.core.custom_entities.defining import CUSTOM
from crmkit.core.custom_entities.making import claims_of, entity_class, stages_of
from crmkit.core.entity import entity_info
from crmkit.core.errors import CrmkitError, FieldProblem
from crmkit.core.fields import Refused
from crmkit.core.registry import Claim
from crmkit.core.storage.numbers import sequence_name
from crmkit.core.text import gettext as _
from crmkit.core.writing.changes import Write

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["check_entities", "make_tables"]

_SLUG = re.compile(r"(?!.*__)[a-z][a-z0-9_]{0,29}\Z")
_PREFIX = re.compile(r"[A-Z][A-Z0-9]{0,9}\Z")
_PERMANENT = ("slug", "owned", "number_prefix", "follows")


def check_entities(writer: Writer, write: Write) -> Iterator[FieldProblem]:
    """Yield a problem for each value of a ``core.custom_entity`` that makes no sense, or would lose something."""
    if write.entity.id != "core.custom_entity" or write.kind not in ("create", "update"):
        return
    if None in (write.get("slug"), write.get("label"), write.get("labels"), write.get("owned")):
        return  # That a value is missing is told already.
    labels = write.get("labels")
    if not isinstance(labels, Mapping) or not all(isinstance(label, str) for label in labels.values()):
        yield FieldProblem("labels", _("labels are texts by locale: {example}"), example='{"zh_CN": "…"}')
        return
    for name in _PERMANENT:
        if write.stored and write.changes(name):
            yield FieldProblem(name, _("stays as it is"), "permanent")
    if not _SLUG.match(write.get("slug")):
        yield FieldProblem("slug", _("{value!r} is no slug such as 'project'"), value=write.get("slug"))
    elif write.kind == "create" and _was_there(writer, write.get("slug")):
        yield FieldProblem("slug", _("an entity of this name was removed; restore it"), "taken")
    if write.get("number_prefix") is not None and not _PREFIX.match(write.get("number_prefix")):
        yield FieldProblem("number_prefix", _("is in capital letters, such as P"))
    follows = write.get("follows")
    if follows is not None and follows not in writer.model.registry.entities:
        yield FieldProblem("follows", _("there is no entity {entity!r}"), entity=follows)
        return
    yield from _check_declared(write)
    yield from _check_stages(write)


def _check_declared(write: Write) -> Iterator[FieldProblem]:
    """Yield a problem if a class cannot be made: what it follows would take the name of a field that it has."""
    try:
        list(claims_of({**_values(write), "slug": "x", "stages": None}))
    except CrmkitError as error:
        yield FieldProblem("follows", _("{reason}"), reason=str(error))


def _check_stages(write: Write) -> Iterator[FieldProblem]:
    try:
        stages = {stage.slug for stage in stages_of(write.get("stages"))}
        if stages:
            list(claims_of({**_values(write), "slug": "x", "follows": None}))
    except Refused as refused:
        yield FieldProblem("stages", refused.message, **refused.facts)
        return
    except CrmkitError as error:
        yield FieldProblem("stages", _("{reason}"), reason=str(error))
        return
    before = {stage.slug for stage in stages_of(write.stored.get("stages"))} if write.stored else stages
    if bool(before) != bool(stages) or before - stages:
        yield FieldProblem("stages", _("stages may be added, and none is taken away"), "permanent")


def _values(write: Write) -> dict[str, Any]:
    names = ("label", "labels", "owned", "stages", "follows")
    # Whether the prefix makes sense is told already.
    return {name: write.get(name) for name in names} | {"number_prefix": None}


def _was_there(writer: Writer, slug: str) -> bool:
    table = writer.model.schema.tables["core_custom_entity"]
    gone = sa.select(table.c.id).where(table.c.slug == slug, table.c.deleted_at.is_not(None))
    return writer.connection.scalar(gone.limit(1)) is not None


def make_tables(writer: Writer, writes: Sequence[Write]) -> None:
    """Make the tables of the entities that *writes* define, in the same transaction."""
    defined = [w for w in writes if w.entity.id == "core.custom_entity" and w.kind == "create"]
    if not defined:
        return
    classes = [entity_class(write.values) for write in defined]
    model = writer.model
    registry = model.registry.extended(Claim(CUSTOM, cls) for cls in classes)
    schema = model.schema.extended(registry)
    for info in map(entity_info, classes):
        table = schema.table(info)
        writer.connection.execute(sa.schema.CreateTable(table))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            writer.connection.execute(sa.schema.CreateIndex(index))
        if info.number is not None and not model.storage.is_sqlite:
            writer.connection.exec_driver_sql(f"CREATE SEQUENCE {sequence_name(info.id)}")
