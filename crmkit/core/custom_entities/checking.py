"""What may be written of an entity made at run time, and the table that it gets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmkit.core.custom_entities.making import claims_of, entity_class, stages_of
from crmkit.core.entity import entity_info
from crmkit.core.errors import CrmkitError, FieldProblem
from crmkit.core.fields import Refused
from crmkit.core.registry import CUSTOM, Claim
from crmkit.core.searching.documents import searched_entities
from crmkit.core.searching.rebuilding import note_made
from crmkit.core.storage.numbers import sequence_name
from crmkit.core.text import are_labels, gettext as _
from crmkit.core.writing.changes import Write

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["check_entities", "make_tables"]

_SLUG = re.compile(r"(?!.*__)[a-z][a-z0-9_]{0,29}\Z")
_PREFIX = re.compile(r"[A-Z][A-Z0-9]{0,9}\Z")
_PERMANENT = ("slug", "owned", "number_prefix", "follows")


def check_entities(writer: Writer, write: Write) -> Iterator[FieldProblem]:
    """Yield a problem for each value of a ``core.custom_entity`` that makes no sense, or would lose something."""
    if write.entity.id != "core.custom_entity" or write.kind not in ("create", "update", "restore"):
        return
    if write.kind == "restore":
        yield from _check_restored(writer, write)
        return
    if None in (write.get("slug"), write.get("label"), write.get("labels"), write.get("owned")):
        return  # That a value is missing is told already.
    labels = write.get("labels")
    if not are_labels(labels):
        yield FieldProblem("labels", _("labels are texts by locale: {example}"), example='{"zh_CN": "…"}')
        return
    for name in _PERMANENT:
        if write.stored and write.changes(name):
            yield FieldProblem(name, _("stays as it is"), "permanent")
    if not _SLUG.match(write.get("slug")):
        yield FieldProblem("slug", _("{value!r} is no slug such as 'project'"), value=write.get("slug"))
    elif write.kind == "create":
        yield from _check_free(writer, write.get("slug"))
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


def _check_free(writer: Writer, slug: str) -> Iterator[FieldProblem]:
    """Yield a problem if *slug* is that of an entity that was here: the ledger, for one, tells of that."""
    if (plugin := _owner(writer, slug)) is not None:
        yield FieldProblem("slug", _("the plugin {plugin} has an entity of this name"), "taken", plugin=plugin)
        return
    table = writer.model.schema.tables["core_custom_entity"]
    gone = sa.select(table.c.purged_at).where(table.c.slug == slug, table.c.deleted_at.is_not(None))
    for row in writer.connection.execute(gone.limit(1)):
        if row.purged_at is None:
            yield FieldProblem("slug", _("an entity of this name was removed; restore it"), "taken")
        else:
            yield FieldProblem("slug", _("an entity of this name was purged; take another name"), "taken")


def _check_restored(writer: Writer, write: Write) -> Iterator[FieldProblem]:
    if write.stored["purged_at"] is not None:
        yield FieldProblem("purged_at", _("its records were purged; make another entity"), "permanent")
    elif (plugin := _owner(writer, write.stored["slug"])) is not None:
        yield FieldProblem("slug", _("the plugin {plugin} has taken it over"), "taken", plugin=plugin)


def _owner(writer: Writer, slug: str) -> str | None:
    table = writer.model.schema.system.entity_owner
    found: str | None = writer.connection.scalar(sa.select(table.c.plugin).where(table.c.entity == f"{CUSTOM}.{slug}"))
    return found


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
            writer.connection.exec_driver_sql(f"CREATE SEQUENCE IF NOT EXISTS {sequence_name(info.id)}")
    new = {entity_info(cls).id for cls in classes}
    note_made(writer, [searched for id_, searched in searched_entities(registry).items() if id_ in new])
